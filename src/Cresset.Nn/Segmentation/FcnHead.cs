using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>How fine an FCN head's last prediction is before the final enlargement.</summary>
public enum FcnStride
{
    /// <summary>FCN-32s: the coarsest features alone.</summary>
    Stride32 = 32,

    /// <summary>FCN-16s: with the features at stride 16.</summary>
    Stride16 = 16,

    /// <summary>FCN-8s: with the features at strides 16 and 8.</summary>
    Stride8 = 8,
}

/// <summary>
/// The decoder of a fully convolutional network (Long et al. 2015): class scores of features at strides 32, 16, 8, each enlarged by a
/// transposed convolution that starts as bilinear interpolation and added to the next finer ones.
/// Features [N, C5, H/32, W/32], [N, C4, H/16, W/16], [N, C3, H/8, W/8] to scores [N, classes, H, W].
/// Keys: <c>score5</c>, <c>score4</c>, <c>score3</c>, <c>up2a</c>, <c>up2b</c>, <c>up_final</c>.
/// </summary>
internal sealed class FcnHead : nn.Module<Tensor, Tensor?, Tensor?, Tensor>
{
    [ComponentName(Name = "score5")]
    private readonly Conv2d _score5;

    [ComponentName(Name = "score4")]
    private readonly Conv2d? _score4;

    [ComponentName(Name = "score3")]
    private readonly Conv2d? _score3;

    [ComponentName(Name = "up2a")]
    private readonly ConvTranspose2d? _up2a;

    [ComponentName(Name = "up2b")]
    private readonly ConvTranspose2d? _up2b;

    [ComponentName(Name = "up_final")]
    private readonly ConvTranspose2d _upFinal;

    /// <summary>Builds the head.</summary>
    /// <param name="classes">Number of classes.</param>
    /// <param name="stride">FCN-32s, -16s or -8s.</param>
    /// <param name="channels5">Channels of the features at stride 32.</param>
    /// <param name="channels4">Channels at stride 16 (FCN-16s and -8s).</param>
    /// <param name="channels3">Channels at stride 8 (FCN-8s).</param>
    public FcnHead(long classes, FcnStride stride, long channels5, long channels4 = 0, long channels3 = 0)
        : base(nameof(FcnHead))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(classes);
        if (!Enum.IsDefined(stride)) throw new ArgumentOutOfRangeException(nameof(stride), stride, "FcnHead: stride must be 32, 16 or 8.");
        Stride = stride;
        _score5 = Score(channels5, classes);
        if (stride <= FcnStride.Stride16) (_score4, _up2a) = (Score(channels4, classes), Up(classes, 2));
        if (stride <= FcnStride.Stride8) (_score3, _up2b) = (Score(channels3, classes), Up(classes, 2));
        _upFinal = Up(classes, (int)stride);
        RegisterComponents();
    }

    /// <summary>FCN-32s, -16s or -8s.</summary>
    public FcnStride Stride { get; }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">Features that this head needs are missing.</exception>
    public override Tensor forward(Tensor features5, Tensor? features4, Tensor? features3)
    {
        if (_score4 is not null && features4 is null)
            throw new ArgumentException($"FcnHead: {Stride} needs the features at stride 16.", nameof(features4));
        if (_score3 is not null && features3 is null)
            throw new ArgumentException($"FcnHead: {Stride} needs the features at stride 8.", nameof(features3));
        using var scope = NewDisposeScope();
        var y = _score5.call(features5);
        if (_score4 is not null) y = Fit(_up2a!.call(y), features4!) + _score4.call(features4!);
        if (_score3 is not null) y = Fit(_up2b!.call(y), features3!) + _score3.call(features3!);
        return _upFinal.call(y).MoveToOuterDisposeScope();
    }

    // A pooling that dropped an odd row leaves one too few or too many after doubling: the finer features decide.
    private static Tensor Fit(Tensor y, Tensor finer)
    {
        var (down, right) = (finer.size(2) - y.size(2), finer.size(3) - y.size(3));
        if (Math.Abs(down) > 1 || Math.Abs(right) > 1)
            throw Shape.Wrong(finer, $"about [N, C, {y.size(2)}, {y.size(3)}]", "Each level must be twice as fine as the one before.");
        return down == 0 && right == 0 ? y
            : nn.functional.pad(y, [0, right, 0, down], down > 0 || right > 0 ? PaddingModes.Replicate : PaddingModes.Constant);
    }

    private static Conv2d Score(long channels, long classes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        // Scores start at 0, as in the paper: every level begins without an opinion.
        var layer = nn.Conv2d(channels, classes, 1);
        using var noGrad = no_grad();
        layer.weight!.zero_();
        layer.bias!.zero_();
        return layer;
    }

    private static ConvTranspose2d Up(long classes, int factor)
    {
        var layer = nn.ConvTranspose2d(classes, classes, 2L * factor, stride: factor, padding: factor / 2, bias: false);
        UpsamplingInit.Bilinear(layer.weight!);
        return layer;
    }
}
