using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>One step of an explicit Runge-Kutta method.</summary>
internal static class RungeKuttaStep
{
    /// <summary>Evaluates all stages: the state at t1 and every slope (the first is <paramref name="slope"/> itself).</summary>
    public static (Tensor State, Tensor[] Slopes) Take(ButcherTableau tableau, VelocityField field, double t0, double t1, double step,
        Tensor state, Tensor slope)
    {
        var slopes = new Tensor[tableau.Nodes.Length + 1];
        slopes[0] = slope;
        var current = state;
        for (var i = 0; i < tableau.Nodes.Length; i++)
        {
            var time = tableau.Nodes[i] == 1 ? t1 : t0 + tableau.Nodes[i] * step;
            current = Combine(state, slopes, tableau.Weights[i], step);
            slopes[i + 1] = field(time, current);
        }
        if (tableau.Solution is { } solution) current = Combine(state, slopes, solution, step);
        return (current, slopes);
    }

    /// <summary>origin + scale * sum of weights[i] * slopes[i]; origin may be null for the sum alone.</summary>
    public static Tensor Combine(Tensor? origin, Tensor[] slopes, double[] weights, double scale)
    {
        Tensor? sum = null;
        for (var i = 0; i < weights.Length; i++)
        {
            if (weights[i] == 0) continue;
            using Scalar alpha = (weights[i] * scale).ToScalar();
            // Sums keep nothing for the backward pass: after the first they may be updated in place, with or without a graph.
            if (sum is not null) sum.add_(slopes[i], alpha);
            else sum = origin is null ? slopes[i].mul(alpha) : origin.add(slopes[i], alpha);
        }
        return sum ?? (origin is null ? zeros_like(slopes[0]) : origin.clone());
    }
}
