using System.IO.Compression;
using System.Text.Json;

namespace Cresset.Tests.Managed.Detection;

/// <summary>Reference values under tests/References/detection.</summary>
internal static class Golden
{
    public static string PathOf(string name) => Repository.Reference("detection/" + name);

    public static JsonElement Json(string name)
    {
        using var file = new GZipStream(File.OpenRead(PathOf(name)), CompressionMode.Decompress);
        return JsonDocument.Parse(file).RootElement.Clone();
    }

    public static double[] Doubles(this JsonElement element) => [.. element.EnumerateArray().Select(e => e.GetDouble())];

    public static long[] Longs(this JsonElement element) => [.. element.EnumerateArray().Select(e => e.GetInt64())];

    /// <summary>All numbers of nested lists in order.</summary>
    public static IEnumerable<double> Flat(this JsonElement element)
        => element.ValueKind == JsonValueKind.Array ? element.EnumerateArray().SelectMany(Flat)
            : [element.ValueKind == JsonValueKind.Null ? double.NaN : element.GetDouble()];
}
