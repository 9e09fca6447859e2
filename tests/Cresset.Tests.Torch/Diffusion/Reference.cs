using System.Text.Json;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

/// <summary>Reference tensors and the comparison with them.</summary>
internal static class Reference
{
    public static string PathOf(string name) => Repository.Reference("diffusion/" + name);

    public static JsonElement Json(string name) => JsonDocument.Parse(File.ReadAllText(PathOf(name))).RootElement;

    public static SafetensorsFile Open(string name) => SafetensorsFile.Open(PathOf(name));

    /// <summary>Same shape and same bits.</summary>
    public static bool SameAs(this Tensor a, Tensor b)
    {
        using var scope = NewDisposeScope();
        return a.shape.SequenceEqual(b.shape) && a.eq(b).all().item<bool>();
    }

    public static void Close(Tensor expected, Tensor actual, double tolerance, string what)
    {
        using var scope = NewDisposeScope();
        Assert.True(expected.shape.SequenceEqual(actual.shape), $"{what}: shape {Shape.Text(actual)} instead of {Shape.Text(expected)}");
        var difference = expected.to(float64).sub(actual.to(float64)).abs().max().item<double>();
        Assert.True(difference <= tolerance, $"{what}: largest difference {difference:g3} is above {tolerance:g3}");
    }
}
