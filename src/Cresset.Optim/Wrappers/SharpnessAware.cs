using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// Sharpness-aware minimization (Foret et al. 2021): the gradient is taken at the worst point within a ball of radius rho. Adaptive (Kwon
/// et al. 2021) measures the ball relative to the weights.
/// </summary>
public sealed class SharpnessAware
{
    /// <summary>Wraps <paramref name="inner"/>.</summary>
    public SharpnessAware(Optimizer inner, double rho = 0.05, bool adaptive = false)
    {
        ArgumentNullException.ThrowIfNull(inner);
        if (!(rho > 0) || !double.IsFinite(rho))
            throw new ArgumentOutOfRangeException(nameof(rho), rho, "The radius must be greater than 0 (usual: 0.05, adaptive 0.5).");
        (Inner, Rho, Adaptive) = (inner, rho, adaptive);
    }

    /// <summary>The optimizer that makes the step.</summary>
    public Optimizer Inner { get; }

    /// <summary>The radius.</summary>
    public double Rho { get; }

    /// <summary>Measure relative to the weights.</summary>
    public bool Adaptive { get; }

    /// <summary>
    /// One step with two evaluations. The closure clears gradients, computes the loss, runs backward and returns the loss.
    /// </summary>
    /// <returns>The loss at the weights before the step.</returns>
    public double Step(Func<double> closure, GradientClipping? clipping = null)
    {
        ArgumentNullException.ThrowIfNull(closure);
        var loss = closure();
        using var scope = NewDisposeScope();
        Inner.Refresh();
        var saved = new List<(ParameterBinding Binding, Tensor Weights)>();
        using (no_grad())
        {
            var active = Inner.Groups.SelectMany(g => g.Bindings).Select(b => (Binding: b, Gradient: Gradients.Of(b.Parameter)))
                .Where(a => a.Gradient is not null).ToList();
            var norm = GradientNorm.Of([.. active.Select(a => Adaptive ? a.Binding.Parameter.abs().mul_(a.Gradient!) : a.Gradient!)], 2,
                Inner.Threads);
            var scale = Rho / (norm + 1e-12);
            foreach (var (binding, gradient) in active)
            {
                saved.Add((binding, binding.Parameter.detach().clone()));
                binding.Parameter.add_(Adaptive ? binding.Parameter.square().mul_(gradient!) : gradient!, alpha: scale);
            }
        }
        closure();
        using (no_grad())
        {
            foreach (var (binding, weights) in saved) binding.Parameter.copy_(weights);
        }
        Inner.Step(clipping);
        return loss;
    }
}
