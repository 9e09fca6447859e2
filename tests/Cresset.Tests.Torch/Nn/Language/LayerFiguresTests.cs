using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn.Language;

/// <summary>Dead units and gradient norms by layer.</summary>
public sealed class LayerFiguresTests
{
    private static readonly DecoderOptions Small =
        new() { Layers = 2, Heads = 2, Width = 16, Context = 8, FeedForward = new() { Activation = "relu", Gated = false, Hidden = 10 } };

    [Fact]
    public void NormsAreThoseOfABackwardPassAndShutUnitsAreCounted()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        using var model = new DecoderTransformer(11, Small, generator);
        model.eval();
        var tokens = randint(11, [4, 9], dtype: ScalarType.Int64, generator: generator);
        Tensor ids = tokens.narrow(1, 0, 8), targets = tokens.narrow(1, 1, 8).clone();
        targets[0, 0] = -1;
        using (no_grad())
        {
            // Four of the ten rectifiers of the second block see nothing above zero: rows that no token can turn.
            foreach (var (name, p) in model.named_parameters())
                if (name == "layers.1.mlp.up_proj.weight") p.narrow(0, 0, 4).zero_();
        }
        LayerFigures figures;
        using (no_grad()) figures = LayerFigures.Of(model, ids, targets);
        Assert.All(model.parameters(), p => Assert.True(p.grad is null));
        Assert.InRange(figures.DeadUnits[1], 0.4, 1);
        Assert.True(figures.DeadUnits[0] < 0.4);
        nn.functional.cross_entropy(model.call(ids).flatten(0, 1), targets.flatten(), ignore_index: -1).backward();
        for (var layer = 0; layer < 2; layer++)
        {
            var squares = model.named_parameters()
                .Where(p => p.name.StartsWith($"layers.{layer}.", StringComparison.Ordinal) && p.parameter.dim() > 1)
                .Sum(p => p.parameter.grad!.to(ScalarType.Float64).square().sum().ToDouble());
            Assert.Equal(Math.Sqrt(squares), figures.GradientNorms[layer], 1e-6);
        }
    }

    [Fact]
    public void BlocksThatDoNotLearnHaveNoGradient()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        using var model = new DecoderTransformer(11, Small, generator);
        var ids = randint(11, [2, 8], dtype: ScalarType.Int64, generator: generator);
        foreach (var (name, p) in model.named_parameters())
            if (name.StartsWith("layers.0.", StringComparison.Ordinal)) p.requires_grad_(false);
        var figures = LayerFigures.Of(model, ids, ids);
        Assert.Equal(0, figures.GradientNorms[0]);
        Assert.True(figures.GradientNorms[1] > 0);
        foreach (var p in model.parameters()) p.requires_grad_(false);
        Assert.Equal([0, 0], LayerFigures.Of(model, ids, ids).GradientNorms);
    }
}
