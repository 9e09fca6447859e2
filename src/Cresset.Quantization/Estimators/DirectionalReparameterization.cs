using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// DiVeQ: the quantized value is the vector plus the distance to its code along a slightly noisy direction that counts as a constant.
/// The length |q - z| carries gradients to vector and code, so no codebook or commitment term is needed.
/// </summary>
internal static class DirectionalReparameterization
{
    /// <summary>
    /// z + |q - z| sg(unit(q - z + sqrt(variance) n)) with n standard normal. A row whose vector lies on its code keeps its value.
    /// </summary>
    /// <param name="vector">[N, D].</param>
    /// <param name="code">[N, D], with gradient to the codebook.</param>
    /// <param name="generator">Source of the noise, a generator of the processor: it is drawn in main memory.</param>
    /// <param name="variance">Noise variance; the paper uses values around 0.005.</param>
    public static Tensor Apply(Tensor vector, Tensor code, Generator generator, double variance = 0.005)
    {
        Shape.Expect(vector, "N D");
        Shape.Expect(code, "N D", [("N", vector.size(0)), ("D", vector.size(1))]);
        ArgumentOutOfRangeException.ThrowIfNegative(variance);
        using var scope = NewDisposeScope();
        var difference = code - vector;
        // The square root has no derivative at zero; the tiny addition keeps it finite there.
        var length = (difference.square().sum(1, true) + 1e-12).sqrt();
        var direction = difference.detach()
            + (Math.Sqrt(variance) * randn(vector.shape, dtype: vector.dtype, generator: generator).to(vector.device));
        return (vector + (length * UnitVectors.Of(direction))).MoveToOuterDisposeScope();
    }
}
