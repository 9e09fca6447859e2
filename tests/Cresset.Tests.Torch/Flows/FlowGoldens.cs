using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>Reference values of this subject and comparisons with them.</summary>
internal static class FlowGoldens
{
    public static SafetensorsFile Open(string name) => SafetensorsFile.Open(Repository.Reference($"flows/{name}.safetensors"));

    /// <summary>|actual - expected| must stay below absolute + relative * |expected| everywhere.</summary>
    public static void Close(Tensor expected, Tensor actual, double tolerance, string what = "")
    {
        Assert.True(expected.numel() == actual.numel(), $"{what}: {Shape.Text(actual)} against {Shape.Text(expected)}");
        using var scope = NewDisposeScope();
        var e = expected.detach().to(ScalarType.Float64).flatten();
        var a = actual.detach().to(ScalarType.Float64).flatten();
        var excess = ((e - a).abs() - tolerance * (1 + e.abs())).max().ToDouble();
        Assert.True(excess <= 0, $"{what}: differs by up to {(e - a).abs().max().ToDouble():g4}, tolerance {tolerance:g2}");
    }
}
