using Cresset.Flows;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>Every activation that acts on each value by itself serves the networks of flows; the others are refused by name.</summary>
public sealed class LayerActivationTests
{
    public static TheoryData<string> OfEachValue =>
        [.. ActivationCatalog.All.Where(a => a.Kind == ActivationKind.Elementwise).Select(a => a.Name)];

    public static TheoryData<string> Others =>
        [.. ActivationCatalog.All.Where(a => a.Kind != ActivationKind.Elementwise).Select(a => a.Name)];

    [Theory]
    [MemberData(nameof(OfEachValue))]
    public void TheDivergenceIsTheTraceOfTheJacobianAndCanBeTrained(string name)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        var field = new MlpVelocity(new MlpVelocityOptions { Features = 2, Hidden = [6, 5], Activation = name }).to(float64);
        var x = randn(7, 2, dtype: float64).requires_grad_();
        var time = rand(7, dtype: float64);

        var (velocity, divergence) = field.VelocityAndDivergence(x, time);
        var again = field.Velocity(x, time);
        Assert.True((velocity - again).abs().max().item<double>() == 0, name);
        var trace = zeros(7, dtype: float64);
        for (var d = 0; d < 2; d++)
            trace = trace + (Derivatives.Of([again.select(1, d).sum()], [x], createGraph: true)[0] ?? zeros_like(x)).select(1, d);
        Assert.True(allclose(trace, divergence, 1e-9, 1e-12), $"{name}: {(trace - divergence).abs().max().item<double>()}");
        using (no_grad()) Assert.True(allclose(divergence, field.VelocityAndDivergence(x.detach(), time).Divergence, 1e-9, 1e-12), name);

        // At a kink the two may take different sides.
        if (name == "identity" || ActivationCatalog.Get(name).Smoothness is Smoothness.Discontinuous or Smoothness.Continuous) return;
        // The weights' gradient of the trace, beside that of the trace taken by differentiation.
        var weight = field.parameters().First();
        var byHand = Derivatives.Of([divergence.sum()], [weight], retainGraph: true)[0]!;
        var byGraph = Derivatives.Of([trace.sum()], [weight])[0]!;
        Assert.True(allclose(byHand, byGraph, 1e-7, 1e-10), $"{name}: {(byHand - byGraph).abs().max().item<double>()}");
    }

    [Theory]
    [MemberData(nameof(Others))]
    public void OthersAreRefusedByName(string name)
    {
        ActivationOptions activation = name;
        var error = Assert.Throws<InvalidOptionsException>(() => new MlpVelocity(new MlpVelocityOptions { Activation = activation }));
        Assert.Contains("activation", error.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Throws<ArgumentException>(() => new Made([0, 1], 2, [4], activation: activation));
    }

    [Fact]
    public void ARecipeNamesIt()
    {
        var flow = new RealNvpFlow { Activation = "gelu_tanh", Transforms = 2, Width = 8 };
        using var model = flow.BuildConditional(3, 4);
        using var context = randn(1, 3);
        using var x = randn(5, 4);
        Assert.Equal([5], model.LogProb(x, context).shape);
        Assert.Throws<ArgumentException>(() => new GlowFlow().BuildConditional(2, 1, 8, 8));
    }
}
