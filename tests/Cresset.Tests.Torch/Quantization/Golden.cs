using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>Reference tensors of this subject and comparisons with them.</summary>
internal static class Golden
{
    public static SafetensorsFile Open(string name) => SafetensorsFile.Open(Repository.Reference($"vq/{name}.safetensors"));

    public static void Near(Tensor expected, Tensor actual, double tolerance, string what)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(expected.shape, actual.shape);
        var gap = (expected.to(ScalarType.Float64) - actual.to(ScalarType.Float64)).abs();
        var allowed = tolerance * (1 + expected.to(ScalarType.Float64).abs());
        var worst = (gap / allowed).max().ToDouble();
        Assert.True(worst <= 1, $"{what}: worst gap is {worst:G4} times the tolerance {tolerance}.");
    }

    public static void Same(Tensor expected, Tensor actual, string what)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(expected.shape, actual.shape);
        Assert.True(expected.eq(actual).all().ToBoolean(), $"{what}: {expected.ne(actual).sum().ToInt64()} of {expected.numel()} differ.");
    }
}
