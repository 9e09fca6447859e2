using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// The rotation trick (Fifty et al. 2024, arXiv:2410.06424): the code is written as a rotation and scaling of the vector, q = (|q|/|z|) R
/// z, and R and the ratio count as constants, so the gradient keeps its angle to the code.
/// </summary>
internal static class RotationTrick
{
    /// <summary>
    /// Exactly <paramref name="code"/> in the forward direction; the gradient g of a row becomes (|q|/|z|) Rᵀ g. A vector of length zero
    /// has no direction: its gradient passes straight through.
    /// </summary>
    /// <param name="vector">[N, D].</param>
    /// <param name="code">[N, D]; receives no gradient.</param>
    public static Tensor Apply(Tensor vector, Tensor code)
    {
        ArgumentNullException.ThrowIfNull(code);
        Shape.Expect(vector, "N D");
        Shape.Expect(code, "N D", [("N", vector.size(0)), ("D", vector.size(1))]);
        using var scope = NewDisposeScope();
        var constant = code.detach();
        return (vector.requires_grad ? new Operation().Apply(vector, constant) : constant.alias()).MoveToOuterDisposeScope();
    }

    private sealed class Operation : DifferentiableOperation
    {
        public override string Name => nameof(RotationTrick);

        protected override Tensor[] Forward(Tensor[] inputs) => [inputs[1].clone()];

        protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients)
        {
            if (gradients[0] is not { } up) return [null, null];
            // float64: for nearly opposite vectors u + v cancels.
            Tensor z = saved[0].detach().to(ScalarType.Float64), q = saved[1].to(ScalarType.Float64), g = up.to(ScalarType.Float64);
            Tensor zLength = z.norm(1, true), qLength = q.norm(1, true);
            const double Smallest = 1e-30;
            Tensor u = z / zLength.clamp_min(Smallest), v = q / qLength.clamp_min(Smallest);
            var r = u + v;
            r = r / r.norm(1, true).clamp_min(Smallest);
            var rotated = g - (2 * r * (r * g).sum(1, true)) + (2 * u * (v * g).sum(1, true));
            var gradient = where(zLength > Smallest, qLength / zLength.clamp_min(Smallest) * rotated, g).to(up.dtype);
            return [gradient, null];
        }
    }
}
