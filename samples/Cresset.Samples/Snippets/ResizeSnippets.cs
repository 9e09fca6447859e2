using Cresset.Nn;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Samples.Snippets;

/// <summary>docs/upsampling.md, "As other libraries do it".</summary>
internal static class ResizeSnippets
{
    public static void Conventions()
    {
        using var scope = NewDisposeScope();
        var photo = randint(256, [3, 96, 144], dtype: ScalarType.Int64).to(ScalarType.Byte);
        var pictures = rand(2, 3, 64, 64);
        var thumbnail = Resize.Apply(photo, 64, 96, ResizeKernel.Lanczos3);                       // as Pillow
        var input = Resize.Apply(photo, 224, 224, ResizeKernel.Bilinear, ResizeConvention.OpenCv);
        var half = Resize.Apply(pictures, 32, 32, ResizeKernel.Bicubic, ResizeConvention.Jax, antialias: false);
        Console.WriteLine(string.Join(", ", new[] { thumbnail, input, half }.Select(t => $"{t.dtype} {Cresset.Tensors.Shape.Text(t)}")));
    }
}
