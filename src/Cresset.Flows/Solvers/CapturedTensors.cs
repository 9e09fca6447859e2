using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Finds out whether a field depends on tensors that nobody named.</summary>
internal static class CapturedTensors
{
    /// <summary>
    /// Evaluates a field that names no parameters: what asks for a gradient all the same depends on a tensor that the field holds.
    /// </summary>
    /// <exception cref="ArgumentException">The field depends on such a tensor.</exception>
    public static void Check(VelocityField field, double time, Tensor state, string owner)
    {
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        if (!field(time, state.detach()).requires_grad) return;
        throw new ArgumentException(
            $"{owner} depends on a tensor that needs a gradient and is not a module whose parameters could be named: the adjoint and "
                + $"checkpoint methods would leave its gradient out. Derive it from nn.Module and register what it holds, pass the tensor "
                + $"as the context, or use OdeGradient.Direct.", nameof(field));
    }

    /// <summary>
    /// Evaluates a field while the named parameters ask for no gradient: what asks for one all the same depends on a tensor that was not
    /// named. Parameters that are results of other operations cannot be told apart; then nothing is checked.
    /// </summary>
    /// <exception cref="ArgumentException">The field depends on such a tensor.</exception>
    public static void CheckUnnamed(VelocityField field, IReadOnlyList<Tensor> parameters, double time, Tensor state)
    {
        var asking = parameters.Where(p => p.requires_grad).ToList();
        if (asking.Any(p => !p.is_leaf)) return;
        bool depends;
        foreach (var p in asking) p.requires_grad = false;
        try
        {
            using var scope = NewDisposeScope();
            using var grad = enable_grad();
            depends = field(time, state.detach()) is { requires_grad: true };
        }
        finally
        {
            foreach (var p in asking) p.requires_grad = true;
        }
        if (depends)
            throw new ArgumentException(
                "The field depends on a tensor that needs a gradient and is not among the parameters: the adjoint and checkpoint methods "
                    + "would leave its gradient out. Name it, detach it, or use OdeGradient.Direct.", nameof(parameters));
    }
}
