using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Pairs of the two-moons simulator (Greenberg et al. 2019): parameters uniform on (-1, 1)^2, observations on a half circle that they move;
/// the posterior of an observation is two crescents.
/// </summary>
[Part("two-moons-pairs", "Greenberg et al. 2019")]
internal sealed record TwoMoonsPairs : SimulatedPairs
{
    public TwoMoonsPairs() => Pairs = 10_000;

    /// <inheritdoc/>
    protected override (Tensor Parameters, Tensor Observations) Draw(Generator generator)
    {
        var parameters = (rand(Pairs, 2, generator: generator) * 2) - 1;
        return (parameters, Simulate(parameters, generator));
    }

    /// <summary>Observations [N, 2] of parameters [N, 2].</summary>
    internal static Tensor Simulate(Tensor parameters, Generator generator)
    {
        var count = parameters.size(0);
        var angle = (rand(count, generator: generator) - 0.5) * Math.PI;
        var radius = (randn(count, generator: generator) * 0.01) + 0.1;
        Tensor first = parameters.select(1, 0), second = parameters.select(1, 1);
        return stack([(angle.cos() * radius) + 0.25 - ((first + second).abs() / Math.Sqrt(2)),
            (angle.sin() * radius) + ((second - first) / Math.Sqrt(2))], 1);
    }
}
