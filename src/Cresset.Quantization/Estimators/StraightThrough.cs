using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// The straight-through estimator (Bengio et al. 2013): the value is that of the code, the gradient goes to the vector as if nothing had
/// happened.
/// </summary>
public static class StraightThrough
{
    /// <summary>
    /// Exactly <paramref name="code"/> in the forward direction, bit for bit (z + sg(q - z) would round); d/d<paramref name="vector"/> is
    /// the identity. Any shape, both alike; the code receives no gradient.
    /// </summary>
    public static Tensor Apply(Tensor vector, Tensor code)
    {
        ArgumentNullException.ThrowIfNull(vector);
        ArgumentNullException.ThrowIfNull(code);
        if (!vector.shape.AsSpan().SequenceEqual(code.shape))
            throw Shape.Wrong(code, Shape.Text(vector), "The code takes the place of the vector.");
        using var scope = NewDisposeScope();
        if (!vector.requires_grad) return code.detach().alias().MoveToOuterDisposeScope();
        return new Operation().Apply(vector, code.detach()).MoveToOuterDisposeScope();
    }

    private sealed class Operation : DifferentiableOperation
    {
        public override string Name => nameof(StraightThrough);

        protected override Tensor[] Forward(Tensor[] inputs) => [inputs[1].alias()];

        protected override Tensor[] Saved(Tensor[] inputs) => [];

        protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients) => [gradients[0]?.alias(), null];
    }
}
