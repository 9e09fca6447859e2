using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Resize, then 3x3 convolution: [N, in, H, W] to [N, out, scale H, scale W] without checkerboards. Odena et al. 2016. Key: <c>conv</c>.
/// </summary>
public sealed class ResizeConv2d : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv")]
    private readonly Conv2d _conv;

    private readonly long _input;
    private readonly double _scale;
    private readonly InterpolationMode _mode;

    /// <summary>Builds the layer; <paramref name="mode"/> is nearest, bilinear or bicubic.</summary>
    public ResizeConv2d(long inChannels, long outChannels, int scale = 2, InterpolationMode mode = InterpolationMode.Nearest,
        long kernel = 3)
        : base(nameof(ResizeConv2d))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(scale, 1);
        if (kernel < 1 || kernel % 2 == 0)
            throw new ArgumentOutOfRangeException(nameof(kernel), kernel, "ResizeConv2d: the kernel must be odd, so that the size stays.");
        if (mode is not (InterpolationMode.Nearest or InterpolationMode.Bilinear or InterpolationMode.Bicubic))
            throw new ArgumentOutOfRangeException(nameof(mode), mode, "ResizeConv2d: the mode must be Nearest, Bilinear or Bicubic.");
        (_input, _scale, _mode) = (inChannels, scale, mode);
        _conv = nn.Conv2d(inChannels, outChannels, kernel, padding: kernel / 2);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        Shape.Expect(input, "N C H W", ("C", _input));
        using var scope = NewDisposeScope();
        var mode = _mode switch
        {
            InterpolationMode.Nearest => ResizeMode.Nearest,
            InterpolationMode.Bilinear => ResizeMode.Bilinear,
            _ => ResizeMode.Bicubic,
        };
        return _conv.call(Upsample.Apply(input, scaleFactor: [_scale], mode: mode)).MoveToOuterDisposeScope();
    }
}
