using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>Activations made of roots, and PyTorch's own names of numbers.</summary>
[LeakFree]
public sealed class AlgebraicActivationTests
{
    public static TheoryData<string, double> Values => new()
    {
        { "bent_identity", 1 }, { "bent_identity", -3 }, { "bent_identity", 1e-9 }, { "bent_identity", -1e12 },
        { "isru", 0.3 }, { "isru", -5 }, { "isru(alpha=4)", 1.5 }, { "isru", 1e6 },
        { "isrlu", 2 }, { "isrlu", -0.7 }, { "isrlu(3)", -40 },
        { "lecun_tanh", 1 }, { "lecun_tanh", -0.2 },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public void ValueAndBothDerivativesAreThoseOfTheFormula(string name, double at)
    {
        using var scope = NewDisposeScope();
        var a = name.Contains('4', StringComparison.Ordinal) ? 4.0 : name.Contains('3', StringComparison.Ordinal) ? 3.0 : 1.0;
        var (root, t) = (Math.Sqrt(1 + (a * at * at)), Math.Tanh(at * 2 / 3));
        var expected = name[..4] switch
        {
            "bent" => (at + (at * at / (root + 1) / 2), 1 + (at / (2 * root)), 1 / (2 * Math.Pow(root, 3))),
            "isru" => (at / root, Math.Pow(root, -3), -3 * a * at * Math.Pow(root, -5)),
            "isrl" => at >= 0 ? (at, 1, 0) : (at / root, Math.Pow(root, -3), -3 * a * at * Math.Pow(root, -5)),
            _ => (1.7159 * t, 1.7159 * 2 / 3 * (1 - (t * t)), -1.7159 * 8 / 9 * t * (1 - (t * t))),
        };
        var x = tensor(at).requires_grad_();
        var y = ActivationCatalog.Function(name)(x);
        var first = Derivatives.Of([y], [x], createGraph: true)[0]!;
        Close(expected.Item1, y.ToDouble());
        Close(expected.Item2, first.ToDouble());
        if (first.requires_grad) Close(expected.Item3, Derivatives.Of([first], [x])[0]!.ToDouble());

        static void Close(double exact, double found) =>
            Assert.True(Math.Abs(found - exact) <= 1e-9 * Math.Abs(exact) + 1e-13, $"{found} for {exact}");
    }

    [Theory]
    [InlineData("leaky_relu(negative_slope=0.3)", "leaky_relu(0.3)")]
    [InlineData("hardtanh(min_val=-2, max_val=3)", "hardtanh(-2, 3)")]
    [InlineData("softshrink(lambd=0.7)", "softshrink(0.7)")]
    [InlineData("gelu(approximate=tanh)", "gelu_tanh")]
    [InlineData("gelu(approximate='none')", "gelu")]
    [InlineData("elu(alpha=2, inplace=False)", "elu(2)")]
    public void PyTorchsNamesOfNumbersAreKnown(string theirs, string ours)
    {
        using var scope = NewDisposeScope();
        var x = ModuleCase.Input(ScalarType.Float64, 40);
        Assert.True(ActivationCatalog.Function(theirs)(x).equal(ActivationCatalog.Function(ours)(x)).all().ToBoolean());
    }

    [Theory]
    [InlineData("gelu(approximate=sigmoid)")]
    [InlineData("leaky_relu(negative_slop=1)")]
    [InlineData("relu(inplace=maybe)")]
    public void OthersAreStillRefused(string name) => Assert.Throws<ArgumentException>(() => ActivationCatalog.Function(name));
}
