using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Nearest-neighbour enlargement of [N, C, H, W], PyTorch's class of that name.</summary>
public sealed class UpsamplingNearest2d : nn.Module<Tensor, Tensor>
{
    private readonly long[]? _size;
    private readonly double[]? _scaleFactor;

    /// <summary>Builds the layer; give either a size or a factor.</summary>
    public UpsamplingNearest2d(long[]? size = null, double[]? scaleFactor = null)
        : base(nameof(UpsamplingNearest2d))
    {
        using var check = new Upsample(size, scaleFactor);
        (_size, _scaleFactor) = (size, scaleFactor);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => Upsample.Apply(input, _size, _scaleFactor);
}

/// <summary>Bilinear enlargement of [N, C, H, W] with aligned corners, as PyTorch's class of that name.</summary>
public sealed class UpsamplingBilinear2d : nn.Module<Tensor, Tensor>
{
    private readonly long[]? _size;
    private readonly double[]? _scaleFactor;

    /// <summary>Builds the layer; give either a size or a factor.</summary>
    public UpsamplingBilinear2d(long[]? size = null, double[]? scaleFactor = null)
        : base(nameof(UpsamplingBilinear2d))
    {
        using var check = new Upsample(size, scaleFactor, ResizeMode.Bilinear, true);
        (_size, _scaleFactor) = (size, scaleFactor);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => Upsample.Apply(input, _size, _scaleFactor, ResizeMode.Bilinear, true);
}
