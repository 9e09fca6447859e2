using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>The straight-through estimator (Bengio et al. 2013): the value is that of the code, the gradient goes to the vector as if nothing had happened.</summary>
public static class StraightThrough
{
    /// <summary>Exactly <paramref name="code"/> in the forward direction; d/d<paramref name="vector"/> is the identity. Any shape, both alike.</summary>
    public static Tensor Apply(Tensor vector, Tensor code)
    {
        ArgumentNullException.ThrowIfNull(vector);
        ArgumentNullException.ThrowIfNull(code);
        if (!vector.requires_grad) return code.detach().alias();
        using var scope = NewDisposeScope();
        // z - sg z is exactly 0, so the value is exactly the code; z + sg(q - z) would round.
        return (code.detach() + (vector - vector.detach())).MoveToOuterDisposeScope();
    }
}
