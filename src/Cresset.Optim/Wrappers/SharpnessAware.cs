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
        try
        {
            using (no_grad()) Climb(saved);
            closure();
        }
        finally
        {
            // Also when the closure fails: its caller finds the weights that it knows.
            using var quiet = no_grad();
            foreach (var (binding, weights) in saved) Put(binding, weights);
        }
        Inner.Step(clipping);
        return loss;
    }

    /// <summary>Moves the weights to the border of the ball, where the gradient points to.</summary>
    private void Climb(List<(ParameterBinding Binding, Tensor Weights)> saved)
    {
        var active = new List<(ParameterBinding Binding, Tensor Weights, Tensor Gradient)>();
        foreach (var binding in Inner.Groups.SelectMany(g => g.Bindings))
        {
            if (binding.Gradient() is not { } gradient) continue;
            // Products of half-precision numbers overflow soon.
            var type = ParameterState.TypeFor(binding.Parameter);
            active.Add((binding, binding.Parameter.detach().to(type),
                (gradient.is_sparse ? gradient.to_dense() : gradient).to(type)));
        }
        var norm = GradientNorm.Of([.. active.Select(a => Adaptive ? a.Weights.abs().mul_(a.Gradient) : a.Gradient)], 2, Inner.Threads);
        var scale = Rho / (norm + 1e-12);
        foreach (var (binding, weights, gradient) in active)
        {
            saved.Add((binding, binding.Parameter.detach().clone()));
            // One factor after the other: the square of a large weight is no float32.
            Put(binding, weights + (Adaptive ? weights.abs().mul_(gradient).mul_(scale).mul_(weights.abs()) : gradient * scale));
        }
    }

    private static void Put(ParameterBinding binding, Tensor weights)
    {
        binding.Parameter.copy_(weights);
        binding.Spread();
    }
}
