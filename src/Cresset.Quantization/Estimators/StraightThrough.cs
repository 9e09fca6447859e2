using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>The straight-through estimator (Bengio et al. 2013): the value is that of the code, the gradient goes to the vector as if nothing had happened.</summary>
public static class StraightThrough
{
    /// <summary>Exactly <paramref name="code"/> in the forward direction, bit for bit (z + sg(q - z) would round); d/d<paramref name="vector"/> is the identity. Any shape, both alike; the code receives no gradient.</summary>
    public static Tensor Apply(Tensor vector, Tensor code)
    {
        ArgumentNullException.ThrowIfNull(vector);
        ArgumentNullException.ThrowIfNull(code);
        if (!vector.requires_grad) return code.detach().alias();
        using var scope = NewDisposeScope();
        return Function.apply(vector, code.detach()).MoveToOuterDisposeScope();
    }

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        public override string Name => nameof(StraightThrough);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars) => ((Tensor)vars[1]).alias();

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => [grad_output.alias(), null!];
    }
}
