using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Scaling to length one.</summary>
internal static class UnitVectors
{
    /// <summary>Lengths below this count as zero: the vector stays (near) zero instead of being blown up.</summary>
    public const double Smallest = 1e-6;

    /// <summary>x / max(|x|, 1e-6) along the last dimension, differentiable.</summary>
    public static Tensor Of(Tensor x) => nn.functional.normalize(x, 2, -1, Smallest);
}
