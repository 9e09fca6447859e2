using Cresset.Nn;
using static TorchSharp.torch;

namespace Cresset.Samples.Snippets;

/// <summary>docs/upsampling.md.</summary>
internal static class UpsamplingSnippets
{
    public static void Doors()
    {
        using var scope = NewDisposeScope();
        var x = rand(1, 3, 8, 8);
        var bigger = Upsample.Apply(x, scaleFactor: [2], mode: ResizeMode.Bicubic);
        var learned = new PixelShuffleUpsampler().Build(64, 32);
        var net = new UNet(3, 21, UNetOptions.Segmentation with { Upsampler = new CarafeUpsampler() });
        learned.Dispose();
        net.Dispose();
    }
}
