using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Makes a decoder's upsampler by kind.</summary>
public static class Upsamplers
{
    /// <summary>A layer [N, in, H, W] to [N, out, scale H, scale W].</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a kind, or scale below 2.</exception>
    public static nn.Module<Tensor, Tensor> Create(UpsamplerKind kind, long inChannels, long outChannels, int scale = 2)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(scale, 2);
        return kind switch
        {
            UpsamplerKind.Transposed => Transposed(inChannels, outChannels, scale),
            UpsamplerKind.Nearest => new ResizeConv2d(inChannels, outChannels, scale, InterpolationMode.Nearest),
            UpsamplerKind.Bilinear => new ResizeConv2d(inChannels, outChannels, scale, InterpolationMode.Bilinear),
            UpsamplerKind.PixelShuffle => new SubPixelConv2d(inChannels, outChannels, scale),
            UpsamplerKind.Carafe => nn.Sequential(new Carafe(inChannels, scale, compressed: Math.Min(64, inChannels)), nn.Conv2d(inChannels, outChannels, 3, padding: 1)),
            UpsamplerKind.DySample => nn.Sequential(new DySample(inChannels, new() { Scale = scale, Groups = inChannels % 4 == 0 ? 4 : 1 }), nn.Conv2d(inChannels, outChannels, 3, padding: 1)),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not a kind of upsampler."),
        };
    }

    /// <summary>
    /// Transposed convolution whose kernel (2 scale - scale % 2) is covered evenly by the stride; with
    /// <paramref name="bilinear"/> it starts as bilinear interpolation (channels beyond the smaller number start at 0).
    /// </summary>
    public static TorchSharp.Modules.ConvTranspose2d Transposed(long inChannels, long outChannels, int scale, bool bilinear = false)
    {
        var kernel = (2L * scale) - (scale % 2);
        var layer = nn.ConvTranspose2d(inChannels, outChannels, kernel, stride: scale, padding: scale / 2);
        if (bilinear) UpsamplingInit.Bilinear(layer.weight!);
        return layer;
    }
}
