using System.Text.Json;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

[LeakFree]
public sealed class ActivationCatalogTests
{
    // The keys of Hugging Face's ACT2FN, and names that timm, Keras 3 and JAX use.
    private static readonly string[] OtherNames =
    [
        "gelu", "gelu_10", "gelu_fast", "gelu_new", "gelu_python", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate", "laplace",
        "leaky_relu", "linear", "mish", "quick_gelu",
        "relu", "relu2", "relu6", "sigmoid", "silu", "swish", "tanh", "prelu", "xielu", "hardswish", "sqrtsoftplus",
        "hard_sigmoid", "hard_swish", "hard_mish", "celu", "selu", "elu", "gelu_tanh",
        "exponential", "hard_silu", "hard_tanh", "log_sigmoid", "log_softmax", "softmax", "softplus", "softsign", "hard_shrink",
        "soft_shrink", "squareplus", "sparse_plus", "sparse_sigmoid", "sparsemax", "tanh_shrink", "threshold", "glu",
        "identity", "soft_sign", "bent_identity", "isru", "isrlu", "lecun_tanh",
    ];

    [Fact]
    public void HoldsManyAndEveryRowIsComplete()
    {
        Assert.True(ActivationCatalog.All.Count >= 75, $"{ActivationCatalog.All.Count} rows");
        foreach (var row in ActivationCatalog.All)
        {
            Assert.All([row.Name, row.Formula, row.Derivative, row.Range, row.Paper],
                text => Assert.False(string.IsNullOrWhiteSpace(text), row.Name));
            Assert.Same(row, ActivationCatalog.Get(row.Name));
            Assert.All(row.Names, name => Assert.Same(row, ActivationCatalog.Find(name)));
        }
    }

    [Fact]
    public void NamesOfOtherLibrariesAreKnown() => Assert.All(OtherNames, name => Assert.NotNull(ActivationCatalog.Find(name)));

    [Fact]
    public void StatedRangeHoldsAndSmoothnessIsNotOverstated()
    {
        using var scope = NewDisposeScope();
        var x = linspace(-30, 30, 6001, dtype: ScalarType.Float64);
        foreach (var row in ActivationCatalog.All.Where(r => r.Kind == ActivationKind.Elementwise && r.Range[0] is '[' or '('))
        {
            var bounds = row.Range.Trim('[', ']', '(', ')').Split(',');
            if (row.Kind != ActivationKind.Elementwise || bounds.Length != 2) continue;
            using var inner = NewDisposeScope();
            var y = ActivationCatalog.Function(row.Name)(x);
            if (double.TryParse(bounds[0], out var low))
                Assert.True(y.min().item<double>() >= low - 1e-4, $"{row.Name}: {y.min().item<double>()}");
            if (double.TryParse(bounds[1], out var high))
                Assert.True(y.max().item<double>() <= high + 1e-4, $"{row.Name}: {y.max().item<double>()}");
            // A jump of the function or its derivative between neighbours 0.01 apart shows what it is not.
            var jump = y.diff().abs().max().item<double>();
            if (row.Smoothness == Smoothness.Discontinuous) Assert.True(jump > 0.3 || row.Name == "threshold", row.Name);
        }
    }

    [Theory]
    [InlineData("sillu", "silu")]
    [InlineData("gelu_tan", "gelu_tanh")]
    [InlineData("swiglo", "swiglu")]
    public void UnknownNameSuggestsTheNearest(string name, string nearest)
    {
        var error = Assert.Throws<ArgumentException>(() => ActivationCatalog.Create(name));
        Assert.Contains($"'{name}'", error.Message, StringComparison.Ordinal);
        Assert.Contains($"Did you mean '{nearest}'?", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("elu(beta=2)", "alpha=1")]
    [InlineData("elu(1,2)", "alpha=1")]
    [InlineData("elu(x)", "not a number")]
    [InlineData("elu(1", "parenthesis")]
    [InlineData("relu(1)", "takes none")]
    public void WrongNumbersSayWhatIsAllowed(string name, string hint)
        => Assert.Contains(hint, Assert.Throws<ArgumentException>(() => ActivationCatalog.Create(name)).Message, StringComparison.Ordinal);

    [Fact]
    public void NumbersAreTakenByPlaceAndByName()
    {
        using var scope = NewDisposeScope();
        var x = tensor(new[] { -1.5, 0.2, 3 });
        foreach (var name in new[] { "softplus(2,3)", "softplus(beta=2, threshold=3)", "Soft-Plus( threshold=3, beta=2 )" })
        {
            using var module = ActivationCatalog.Create(name);
            Assert.True(module.call(x).allclose(nn.functional.softplus(x, 2, 3)));
        }
        Assert.Equal("elu(0.5)", ActivationCatalog.Create("elu(alpha=0.5)").ToString());
    }

    [Fact]
    public void TrainableOnesHaveNoPlainFunction()
        => Assert.Contains("ActivationCatalog.Create", Assert.Throws<ArgumentException>(() => ActivationCatalog.Function("prelu")).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData("swiglu")]
    [InlineData("glu")]
    [InlineData("clamped_swiglu")]
    public void OddWidthOfAGatedUnitIsRefused(string name)
    {
        using var scope = NewDisposeScope();
        using var module = ActivationCatalog.Create(name);
        var error = Assert.Throws<ShapeException>(() => module.call(zeros(2, 5)));
        Assert.Contains("must be even", error.Message, StringComparison.Ordinal);
        Assert.Contains("[2, 5]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void HiddenWidthsOfPublishedModels()
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Repository.Reference("nn/llm_ffn.json")));
        foreach (var row in document.RootElement.EnumerateArray())
        {
            var (model, rule, dim, hidden) = (row.GetProperty("model").GetString()!, row.GetProperty("rule").GetString()!,
                row.GetProperty("d_model").GetInt64(), row.GetProperty("d_ff").GetInt64());
            Assert.True(ActivationCatalog.Find(row.GetProperty("act").GetString()!.Split('(')[0]) is not null, model);
            var computed = rule.Split(' ')[0] switch
            {
                "llama" => HiddenWidth.Llama(dim, row.GetProperty("multiple_of").GetInt64(), row.GetProperty("mult").GetDouble()),
                "config" => hidden,
                "8d/3" => HiddenWidth.Times(dim, 8.0 / 3),
                "d" => dim,
                var factor => HiddenWidth.Times(dim, double.Parse(factor.TrimEnd('d'), System.Globalization.CultureInfo.InvariantCulture)),
            };
            Assert.True(computed == hidden, $"{model}: {computed}, published {hidden}");
        }
    }

    [Fact]
    public void WrongOptionsListEveryProblem()
    {
        var error = Assert.Throws<InvalidOptionsException>(
            () => new FeedForward(8, new() { Activation = "glu", Dropout = 1, Clamped = true, Gated = false }));
        Assert.Equal(3, error.Problems.Count);
        Assert.Contains("an activation whose result is as wide as its input", error.Message, StringComparison.Ordinal);
        Assert.Contains("Did you mean 'silu'?",
            Assert.Throws<ArgumentException>(() => new FeedForwardOptions { Activation = "sillu" }).Message, StringComparison.Ordinal);
    }
}
