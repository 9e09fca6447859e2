using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>[..., C r^2, H, W] to [..., C, r H, r W]: channels become neighbours. Shi et al. 2016.</summary>
public sealed class PixelShuffle : nn.Module<Tensor, Tensor>
{
    private readonly int _factor;

    /// <summary>Builds the layer for factor r.</summary>
    public PixelShuffle(int factor)
        : base(nameof(PixelShuffle))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(factor, 1);
        _factor = factor;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => Apply(input, _factor);

    /// <summary>The function itself.</summary>
    /// <exception cref="ShapeException">The channels are not a multiple of r^2.</exception>
    public static Tensor Apply(Tensor x, int factor)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(factor, 1);
        if (x.dim() < 3 || x.size(-3) % ((long)factor * factor) != 0) throw Shape.Wrong(x, $"[..., C * {(long)factor * factor}, H, W]");
        // libtorch has no gradient for a shuffle of nothing.
        if (x.numel() == 0)
            return x.reshape([.. x.shape[..^3], x.size(-3) / ((long)factor * factor), x.size(-2) * factor, x.size(-1) * factor]);
        return Shuffled.Fits(x) ? Shuffled.Of(x, factor, true) : nn.functional.pixel_shuffle(x, factor);
    }
}

/// <summary>[..., C, r H, r W] to [..., C r^2, H, W]: the inverse of <see cref="PixelShuffle"/>.</summary>
public sealed class PixelUnshuffle : nn.Module<Tensor, Tensor>
{
    private readonly int _factor;

    /// <summary>Builds the layer for factor r.</summary>
    public PixelUnshuffle(int factor)
        : base(nameof(PixelUnshuffle))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(factor, 1);
        _factor = factor;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => Apply(input, _factor);

    /// <summary>The function itself.</summary>
    /// <exception cref="ShapeException">Height or width are not multiples of r.</exception>
    public static Tensor Apply(Tensor x, int factor)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(factor, 1);
        if (x.dim() < 3 || x.size(-2) % factor != 0 || x.size(-1) % factor != 0) throw Shape.Wrong(x, $"[..., C, {factor} H, {factor} W]");
        // libtorch leaves the shape of nothing as it is.
        if (x.numel() == 0) return x.reshape([.. x.shape[..^3], x.size(-3) * factor * factor, x.size(-2) / factor, x.size(-1) / factor]);
        return Shuffled.Fits(x) ? Shuffled.Of(x, factor, false) : nn.functional.pixel_unshuffle(x, factor);
    }
}

/// <summary>Mixes channels between groups: [N, g n, ...] seen as [g, n] and transposed. Zhang et al. 2018 (ShuffleNet).</summary>
public sealed class ChannelShuffle : nn.Module<Tensor, Tensor>
{
    private readonly int _groups;

    /// <summary>Builds the layer for a number of groups.</summary>
    public ChannelShuffle(int groups)
        : base(nameof(ChannelShuffle))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        _groups = groups;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (input.dim() < 3 || input.size(1) % _groups != 0) throw Shape.Wrong(input, $"[N, n * {_groups}, ...]");
        using var scope = NewDisposeScope();
        var shape = input.shape;
        return input.reshape([shape[0], _groups, shape[1] / _groups, .. shape[2..]]).transpose(1, 2).reshape(shape).alias()
            .MoveToOuterDisposeScope();
    }
}
