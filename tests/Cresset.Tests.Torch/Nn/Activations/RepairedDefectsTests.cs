using System.Text.Json;
using Cresset.Nn;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>One test for each activation that TorchSharp 0.107 has wrong, and the one-line cases of PyTorch 2.6.</summary>
[LeakFree]
public sealed class RepairedDefectsTests
{
    [Fact]
    public void HardtanhClamps()
    {
        using var scope = NewDisposeScope();
        using var layer = new Activation("hardtanh");
        Assert.Equal([-1f, -1f, 0.5f, 1f, 1f], layer.call(tensor(new[] { -5f, -1f, 0.5f, 3f, 7f })).data<float>().ToArray());
        Assert.Throws<ArgumentException>(() => Cresset.Nn.Activations.Hardtanh(zeros(1), 1, 1));
    }

    [Fact]
    public void RandomizedLeakyReluDrawsInTrainingOnly()
    {
        using var scope = NewDisposeScope();
        var x = -ones(100_000);
        using var layer = new RandomizedLeakyRelu(0.1, 0.3, new Generator(5));
        var first = -layer.call(x);
        var second = -layer.call(x);
        Assert.False(first.allclose(second));
        Assert.True(first.min().item<float>() >= 0.1f && first.max().item<float>() <= 0.3f);
        Assert.Equal(0.2, first.mean().item<float>(), 0.001);
        Assert.Equal(0.2 / Math.Sqrt(12), first.std().item<float>(), 0.001);
        using var same = new RandomizedLeakyRelu(0.1, 0.3, new Generator(5));
        Assert.True((-same.call(x)).allclose(first, 0, 0));
        layer.eval();
        Assert.True((-layer.call(x)).allclose(full_like(x, 0.2), 0, 1e-7));
        Assert.True(layer.call(-x).allclose(-x, 0, 0));
        Assert.Throws<ArgumentException>(() => new RandomizedLeakyRelu(0.5, 0.1));
    }

    [Fact]
    public void EluChangesNegativeValues()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(Math.Exp(-1) - 1, Cresset.Nn.Activations.Elu(tensor(-1.0)).item<double>(), 1e-15);
    }

    [Fact]
    public void AlphaDropoutKeepsMeanAndVariance()
    {
        using var scope = NewDisposeScope();
        var x = randn(400_000, generator: new Generator(2));
        foreach (var p in new[] { 0.1, 0.5 })
        {
            using var layer = new AlphaDropout(p, new Generator(1));
            var y = layer.call(x);
            Assert.Equal(0, y.mean().item<float>(), 0.01);
            Assert.Equal(1, y.std().item<float>(), 0.01);
            layer.eval();
            Assert.True(layer.call(x).allclose(x, 0, 0));
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => new AlphaDropout(1));
    }

    public static TheoryData<string, string> Cases => new()
    {
        { "act.relu", "relu" }, { "act.gelu", "gelu" }, { "act.silu", "silu" }, { "act.mish", "mish" }, { "act.elu", "elu(0.7)" },
        { "act.selu", "selu" }, { "act.celu", "celu(0.7)" },
        { "act.softplus", "softplus(2,3)" }, { "act.hardswish", "hardswish" }, { "act.hardsigmoid", "hardsigmoid" },
        { "act.hardtanh", "hardtanh(-0.5,0.7)" }, { "act.hardshrink", "hardshrink(0.6)" },
        { "act.softshrink", "softshrink(0.6)" }, { "act.tanhshrink", "tanhshrink" }, { "act.softsign", "softsign" },
        { "act.logsigmoid", "logsigmoid" }, { "act.leaky", "leaky_relu(0.2)" }, { "act.relu6", "relu6" },
        { "act.threshold", "threshold(0.3,20)" }, { "act.softmin", "softmin" }, { "act.prelu", "prelu(0.3)" },
        { "act.GELU_tanh", "gelu_tanh" }, { "mod.Softplus", "softplus(2,3)" }, { "mod.ELU", "elu(0.7)" },
        { "mod.LeakyReLU", "leaky_relu(0.2)" }, { "mod.Hardtanh", "hardtanh(-0.5,0.7)" }, { "mod.Softmax", "softmax" },
        { "mod.LogSoftmax", "log_softmax" }, { "mod.Threshold", "threshold(0.3,20)" }, { "mod.CELU", "celu(0.7)" },
        { "mod.Hardshrink", "hardshrink(0.6)" }, { "mod.RReLU_eval", "rrelu(0.1,0.3)" }, { "mod.Mish", "mish" }, { "mod.SELU", "selu" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void OneLineCasesOfPyTorch(string name, string activation)
    {
        using var scope = NewDisposeScope();
        using var document = JsonDocument.Parse(File.ReadAllText(Repository.Reference("nn/torch_cases.json")));
        var expected = document.RootElement.EnumerateArray().Single(e => e.GetProperty("case").GetString() == name).GetProperty("expected")
            .EnumerateArray().Select(v => v.GetDouble()).ToArray();
        using var module = ActivationCatalog.Create(activation);
        module.to(ScalarType.Float64);
        module.eval();
        References.Close(tensor(expected), module.call(ModuleCase.Input(ScalarType.Float64, 2, 7)).flatten(), 2e-6, 1e-7, name);
    }
}
