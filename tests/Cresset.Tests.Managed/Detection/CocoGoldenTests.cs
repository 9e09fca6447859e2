using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

public sealed class CocoGoldenTests
{
    public static TheoryData<string> Sets =>
        [.. Directory.GetFiles(Golden.PathOf("coco"), "*.expect.json.gz").Select(f => Path.GetFileName(f).Replace(".expect.json.gz", "", StringComparison.Ordinal)).Order()];

    [Theory]
    [MemberData(nameof(Sets))]
    public void EveryNumberAgreesWithPycocotools(string set)
    {
        var expect = Golden.Json($"coco/{set}.expect.json.gz");
        foreach (var expected in expect.GetProperty("cases").EnumerateArray())
        {
            var options = OptionsOf(expected);
            var result = CocoEvaluator.Evaluate(Truth(set), Results(set), options);
            var name = $"{set} {expected.GetProperty("params")}";
            AssertClose(expected.GetProperty("stats").Doubles(), result.Stats, 1e-12, name + " stats");
            Assert.Equal(expected.GetProperty("counts").Longs(), result.Shape.Select(x => (long)x));
            AssertClose(expected.GetProperty("recall_TKAM").Flat(), result.Recall.ToArray(), 1e-12, name + " recall");
            AssertClose(expected.GetProperty("ap_TKA_lastM").Flat(), ApTable(result), 1e-12, name + " AP");
            Assert.Equal(expected.GetProperty("precision_sum").GetDouble(), result.Precision.ToArray().Sum(), 1e-7);
            Assert.Equal(expected.GetProperty("recall_sha256").GetString(), Hash(result.Recall));
            Assert.Equal(expected.GetProperty("scores_sha256").GetString(), Hash(result.Scores));
            Assert.Equal(expected.GetProperty("precision_sha256").GetString(), Hash(result.Precision));
        }
    }

    internal static DetectionDataset Truth(string set) => CocoFormat.ReadGroundTruth(Golden.PathOf($"coco/{set}.gt.json.gz"), new ReadOptions { Lenient = true });

    internal static DetectionResults Results(string set) => CocoFormat.ReadResults(Golden.PathOf($"coco/{set}.dt.json.gz"), null, new ReadOptions { Lenient = true });

    internal static CocoOptions OptionsOf(JsonElement expected)
    {
        var options = expected.GetProperty("iouType").GetString() switch
        {
            "segm" => CocoOptions.Masks,
            "keypoints" => CocoOptions.Keypoints,
            _ => CocoOptions.Boxes,
        };
        var p = expected.GetProperty("params");
        if (p.TryGetProperty("useCats", out var use)) options = options with { ClassAgnostic = use.GetInt32() == 0 };
        if (p.TryGetProperty("maxDets", out var max)) options = options with { MaxDetections = [.. max.Longs().Select(m => (int)m)] };
        if (p.TryGetProperty("imgIds", out var images)) options = options with { ImageIds = images.Longs() };
        if (p.TryGetProperty("catIds", out var categories)) options = options with { CategoryIds = categories.Longs() };
        if (p.TryGetProperty("iouThrs", out var ious)) options = options with { IouThresholds = ious.Doubles() };
        if (p.TryGetProperty("recThrs", out var recalls)) options = options with { RecallThresholds = recalls.Doubles() };
        if (p.TryGetProperty("areaRng", out var areas))
        {
            var names = p.GetProperty("areaRngLbl").EnumerateArray().Select(n => n.GetString()!).ToArray();
            options = options with { AreaRanges = [.. areas.EnumerateArray().Select((a, i) => new AreaRange(names[i], a[0].GetDouble(), a[1].GetDouble()))] };
        }
        return options;
    }

    private static IEnumerable<double> ApTable(CocoResult r)
    {
        for (var t = 0; t < r.Shape[0]; t++)
        {
            for (var k = 0; k < r.Shape[2]; k++)
            {
                for (var a = 0; a < r.Shape[3]; a++) yield return r.AveragePrecision(t, k, a);
            }
        }
    }

    internal static void AssertClose(IEnumerable<double> expected, IEnumerable<double> actual, double tolerance, string what)
    {
        var e = expected.ToArray();
        var a = actual.ToArray();
        Assert.True(e.Length == a.Length, $"{what}: {a.Length} values instead of {e.Length}");
        for (var i = 0; i < e.Length; i++)
        {
            Assert.True(Math.Abs(e[i] - a[i]) <= tolerance || (double.IsNaN(e[i]) && double.IsNaN(a[i])), $"{what}[{i}]: {a[i]:R} instead of {e[i]:R}");
        }
    }

    private static string Hash(ReadOnlySpan<double> values) => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(values)));
}
