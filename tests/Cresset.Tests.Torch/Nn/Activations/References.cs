using System.Text.Json;
using Cresset.Tensors;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>Reference values of this folder as arrays, and comparisons that name the worst place.</summary>
internal static class References
{
    public static Dictionary<string, Tensor> Load(string file, Func<string, bool>? wanted = null)
    {
        using var source = SafetensorsFile.Open(Repository.Reference("nn/" + file));
        return source.Entries.Keys.Where(k => wanted is null || wanted(k)).ToDictionary(k => k, source.Read);
    }

    public static IReadOnlyDictionary<string, string> Metadata(string file)
    {
        using var source = SafetensorsFile.Open(Repository.Reference("nn/" + file));
        return new Dictionary<string, string>(source.Metadata);
    }

    public static string[] List(string file, string key) => JsonSerializer.Deserialize<string[]>(Metadata(file)[key])!;

    public static double[] Values(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().to(ScalarType.Float64).contiguous().data<double>().ToArray();
    }

    public static void Close(Tensor expected, Tensor actual, double relative, double absolute, string what,
        Func<int, double, bool>? skip = null)
    {
        Assert.Equal(expected.shape, actual.shape);
        var (e, a) = (Values(expected), Values(actual));
        for (var i = 0; i < e.Length; i++)
        {
            if (skip?.Invoke(i, e[i]) == true) continue;
            var same = e[i].Equals(a[i]) || Math.Abs(e[i] - a[i]) <= (relative * Math.Abs(e[i])) + absolute;
            Assert.True(same, $"{what}[{i}]: expected {e[i]:R}, got {a[i]:R} (difference {Math.Abs(e[i] - a[i]):E2})");
        }
    }
}
