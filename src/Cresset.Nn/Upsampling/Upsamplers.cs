using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Layers of upsampling with a start of their own; those of a decoder are parts: <see cref="UpsamplerOptions"/>.</summary>
public static class Upsamplers
{
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
