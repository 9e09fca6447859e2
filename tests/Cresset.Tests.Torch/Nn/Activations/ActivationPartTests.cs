using Cresset.Nn;
using Cresset.Recipes;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn.Activations;

/// <summary>
/// The records of activations, norms and resampling layers: each row of the catalog has one with the same names and numbers, and each makes
/// its layer.
/// </summary>
public sealed class ActivationPartTests
{
    [Fact]
    public void EveryRowOfTheCatalogIsAPartWithItsNamesAndNumbers()
    {
        var parts = BuiltInParts.Catalog.Of("activation").Select(p => (CatalogActivation)p.Create()).ToList();
        Assert.Equal(ActivationCatalog.All.Select(r => r.Name).Order(StringComparer.Ordinal),
            parts.Select(p => p.Info.Name).Order(StringComparer.Ordinal));
        foreach (var row in ActivationCatalog.All)
        {
            foreach (var name in row.Names)
                Assert.Same(row, ((CatalogActivation)BuiltInParts.Catalog.Get("activation", name).Create()).Info);
            // Without numbers in the text they are the row's defaults.
            var part = (CatalogActivation)row.Name;
            Assert.Equal(row.Name, part.Text);
            Assert.Equal(row.KeepsShape, part.KeepsShape);
            Assert.Equal(row.Parameters.Select(p => p.Name), OptionNames.Keys(part.GetType()).Keys);
            if (row.Parameters.Count == 0) continue;
            var text = $"{row.Name}({string.Join(", ", row.Parameters.Select((p, i) => $"{p.Name}={0.25 * (i + 1)}"))})";
            Assert.Equal(row.Parameters.Select((_, i) => 0.25 * (i + 1)),
                OptionNames.Properties(part.GetType()).Select(p => (double)p.GetValue((CatalogActivation)text)!));
        }
    }

    [Theory]
    [InlineData("swish", "silu")]
    [InlineData("{kind: leaky_relu, slope: 0.2}", "leaky_relu(slope=0.2)")]
    [InlineData("elu(0.5)", "elu(alpha=0.5)")]
    [InlineData("GELU-tanh", "gelu_tanh")]
    public void ARecipeNamesThem(string yaml, string text)
        => Assert.Equal(text,
            ((EspcnRecipeOptions)Recipe.Parse($"job: espcn\nmodel: {{activation: {yaml}}}", "r.yaml", "r", BuiltInParts.Catalog)
                .Resolve().Options["model"]).Activation.ToString());

    [Theory]
    [InlineData("sillu", "unknown activation 'sillu'. Did you mean 'silu'?")]
    [InlineData("elu(beta=1)", "'beta=1' is not a parameter of elu; it takes alpha=1.")]
    [InlineData("swiglu", "an activation whose result is as wide as its input")]
    [InlineData("{kind: elu, slope: 1}", "unknown key 'model.activation.slope'")]
    [InlineData("lion", "'lion' is an optimizer, not an activation")]
    public void WrongOnesAreRefusedInOneLine(string yaml, string message)
    {
        var said = Assert.Throws<ConfigException>(
            () => Recipe.Parse($"job: espcn\nmodel: {{activation: {yaml}}}", "r.yaml", "r", BuiltInParts.Catalog).Resolve()).Message;
        Assert.Contains(message, said, StringComparison.Ordinal);
        Assert.DoesNotContain(Environment.NewLine, said, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryNormUpsamplerAndDownsamplerMakesItsLayer()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var x = randn([2, 8, 6, 6], generator: generator);
        foreach (var part in BuiltInParts.Catalog.Of("norm")) Assert.Equal(x.shape, ((NormOptions)part.Create()).Build(8).call(x).shape);
        foreach (var part in BuiltInParts.Catalog.Of("upsampler"))
            Assert.Equal([2L, 4, 18, 18], ((UpsamplerOptions)part.Create()).Build(8, 4, 3).call(x).shape);
        foreach (var part in BuiltInParts.Catalog.Of("downsampler"))
            Assert.Equal([2L, 8, 3, 3], ((DownsamplerOptions)part.Create()).Build(8).call(x).shape);
        Assert.Throws<ArgumentOutOfRangeException>(() => new NearestUpsampler().Build(8, 4, 1));
    }
}
