using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Order of the channels that a squeeze makes.</summary>
public enum SqueezeOrder
{
    /// <summary>Channel c, row i, column j of a block become channel c * f * f + f * i + j (Glow, nflows, normflows).</summary>
    ChannelMajor,

    /// <summary>Channel (f * i + j) * C + c (TensorFlow's space_to_depth).</summary>
    SpaceToDepth,

    /// <summary>
    /// Block positions top-left, bottom-right, top-right, bottom-left, colours inside: RealNVP before factoring out; factor 2 only.
    /// </summary>
    RealNvpFactorOut,
}

/// <summary>Trades space for channels: [N, C, H, W] to [N, C f^2, H / f, W / f].</summary>
public sealed class Squeeze : FlowTransform
{
    private readonly int _factor;
    private readonly SqueezeOrder _order;

    /// <summary>Makes a squeeze.</summary>
    public Squeeze(int factor = 2, SqueezeOrder order = SqueezeOrder.ChannelMajor)
        : base(nameof(Squeeze))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(factor, 2);
        if (order == SqueezeOrder.RealNvpFactorOut && factor != 2)
            throw new ArgumentOutOfRangeException(nameof(factor), factor, "RealNVP's order is defined for a factor of 2.");
        _factor = factor;
        _order = order;
        RegisterComponents();
    }

    /// <summary>Space to channels.</summary>
    public static Tensor Apply(Tensor x, int factor = 2, SqueezeOrder order = SqueezeOrder.ChannelMajor)
    {
        if (x.dim() != 4 || x.size(2) % factor != 0 || x.size(3) % factor != 0)
            throw Cresset.Tensors.Shape.Wrong(x, $"[N, C, H, W] with H and W divisible by {factor}",
                "Pad the images, or use fewer levels.");
        using var scope = NewDisposeScope();
        long n = x.size(0), c = x.size(1), h = x.size(2) / factor, w = x.size(3) / factor;
        var blocks = x.reshape(n, c, h, factor, w, factor);
        var result = order == SqueezeOrder.ChannelMajor
            ? blocks.permute(0, 1, 3, 5, 2, 4).reshape(n, c * factor * factor, h, w)
            : blocks.permute(0, 3, 5, 1, 2, 4).reshape(n, c * factor * factor, h, w);
        if (order == SqueezeOrder.RealNvpFactorOut)
        {
            var parts = result.chunk(4, 1);
            result = cat([parts[0], parts[3], parts[1], parts[2]], 1);
        }
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>Channels back to space.</summary>
    public static Tensor Undo(Tensor z, int factor = 2, SqueezeOrder order = SqueezeOrder.ChannelMajor)
    {
        if (z.dim() != 4 || z.size(1) % (factor * factor) != 0)
            throw Cresset.Tensors.Shape.Wrong(z, $"[N, C, H, W] with C divisible by {factor * factor}");
        using var scope = NewDisposeScope();
        long n = z.size(0), c = z.size(1) / (factor * factor), h = z.size(2), w = z.size(3);
        if (order == SqueezeOrder.RealNvpFactorOut)
        {
            var parts = z.chunk(4, 1);
            z = cat([parts[0], parts[2], parts[3], parts[1]], 1);
        }
        var result = order == SqueezeOrder.ChannelMajor
            ? z.reshape(n, c, factor, factor, h, w).permute(0, 1, 4, 2, 5, 3)
            : z.reshape(n, factor, factor, c, h, w).permute(0, 3, 4, 1, 5, 2);
        return result.reshape(n, c, h * factor, w * factor).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        RefuseContext(context);
        return (Apply(x, _factor, _order), zeros(x.size(0), dtype: x.dtype, device: x.device));
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        return (Undo(z, _factor, _order), zeros(z.size(0), dtype: z.dtype, device: z.device));
    }
}
