using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Finds out whether a field depends on tensors that nobody named.</summary>
internal static class CapturedTensors
{
    /// <summary>
    /// Evaluates the field once with the named tensors held constant: what still asks for a gradient depends on a tensor that is not among them.
    /// Named tensors that are results of other operations cannot be held constant; with such a one nothing is checked.
    /// </summary>
    /// <exception cref="ArgumentException">The field depends on a further tensor.</exception>
    public static void Check(VelocityField field, double time, Tensor state, IReadOnlyList<Tensor> named)
    {
        List<Tensor> held = [];
        foreach (var tensor in named)
        {
            if (!tensor.requires_grad) continue;
            if (!tensor.is_leaf) return;
            held.Add(tensor);
        }
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        try
        {
            foreach (var tensor in held) tensor.requires_grad = false;
            if (!field(time, state.detach()).requires_grad) return;
        }
        finally
        {
            foreach (var tensor in held) tensor.requires_grad = true;
        }
        throw new ArgumentException(
            $"The field depends on a tensor that needs a gradient and is not among the {named.Count} parameters given: the adjoint and checkpoint methods would leave its gradient out. Name it in parameters (for a flow: make the field a module that holds it, or pass it as the context), or use OdeGradient.Direct.",
            nameof(field));
    }
}
