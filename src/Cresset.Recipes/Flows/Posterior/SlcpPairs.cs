using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Pairs of a simulator with a simple likelihood and a complex posterior (Papamakarios et al. 2019): five parameters uniform on (-3, 3)
/// shape a normal distribution of the plane, of which four points are observed; the posterior has four equal modes.
/// </summary>
[Part("slcp-pairs", "Papamakarios et al. 2019, arXiv:1805.07226")]
internal sealed record SlcpPairs : SimulatedPairs
{
    public SlcpPairs() => Pairs = 100_000;

    /// <inheritdoc/>
    protected override bool Standardizes => true;

    /// <inheritdoc/>
    protected override (Tensor Parameters, Tensor Observations) Draw(Generator generator)
    {
        var parameters = (rand(Pairs, 5, generator: generator) * 6) - 3;
        return (parameters, Simulate(parameters, generator));
    }

    /// <summary>Observations [N, 8] of parameters [N, 5]: four points of the plane, one after the other.</summary>
    internal static Tensor Simulate(Tensor parameters, Generator generator)
    {
        var count = parameters.size(0);
        var p = parameters.unbind(1);
        Tensor first = p[2].square(), second = p[3].square(), correlation = p[4].tanh();
        Tensor a = randn(count, 4, generator: generator), b = randn(count, 4, generator: generator);
        var x = p[0].unsqueeze(1) + (first.unsqueeze(1) * a);
        var y = p[1].unsqueeze(1)
            + (second.unsqueeze(1) * ((correlation.unsqueeze(1) * a) + ((1 - correlation.square()).sqrt().unsqueeze(1) * b)));
        return stack([x, y], 2).reshape(count, 8);
    }
}
