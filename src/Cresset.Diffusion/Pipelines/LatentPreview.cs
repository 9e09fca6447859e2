using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>A rough small picture straight from SD3 latents, one pixel a latent pixel.</summary>
public static class LatentPreview
{
    // Linear map from SD3's 16 latent channels to red, green and blue (Stability's reference, MIT).
    private static readonly float[] Factors =
    [
        -0.0645f, 0.0177f, 0.1052f, 0.0028f, 0.0312f, 0.0650f, 0.1848f, 0.0762f, 0.0360f, 0.0944f, 0.0360f, 0.0889f,
        0.0897f, 0.0506f, -0.0364f, -0.0020f, 0.1203f, 0.0284f, 0.0855f, 0.0118f, 0.0283f, -0.0539f, 0.0658f, 0.1047f,
        -0.0057f, 0.0116f, 0.0700f, -0.0412f, 0.0281f, -0.0039f, 0.1106f, 0.1171f, 0.1220f, -0.0248f, 0.0682f, -0.0481f,
        0.0815f, 0.0846f, 0.1207f, -0.0120f, -0.0055f, -0.0867f, -0.0749f, -0.0634f, -0.0456f, -0.1418f, -0.1457f, -0.1259f,
    ];

    /// <summary>Latents [N, 16, h, w] to pictures [N, 3, h, w] in 0..1.</summary>
    public static Tensor ToRgb(Tensor latents)
    {
        Tensors.Shape.Expect(latents, "N 16 H W");
        using var scope = NewDisposeScope();
        var map = tensor(Factors).view(16, 3).t().view(3, 16, 1, 1).to(latents.device);
        return nn.functional.conv2d(latents.to(ScalarType.Float32), map).add_(1).div_(2).clamp_(0, 1).MoveToOuterDisposeScope();
    }
}
