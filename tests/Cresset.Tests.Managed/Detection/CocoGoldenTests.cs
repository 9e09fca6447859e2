using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

public sealed class CocoGoldenTests
{
    public static TheoryData<string> Sets =>
        [.. Directory.GetFiles(Golden.PathOf("coco"), "*.expect.json.gz").Select(f
            => Path.GetFileName(f).Replace(".expect.json.gz", "", StringComparison.Ordinal)).Order()];

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

    /// <summary>Values of pycocotools 2.0.11 with iouType bbox on results that hold only masks or only keypoints.</summary>
    [Theory]
    [InlineData("s18_segm_rle_only",
        new[] { 0.615178208176398, 0.8077161108340484, 0.7599525410862847, 0.6383759037188299, 0.5436079377168486, -1.0, 0.3459286412512219,
        0.762258064516129, 0.762258064516129, 0.7686765934443951, 0.6988888888888888, -1.0 })]
    [InlineData("s20_keypoints",
        new[] { 0.44315910412068044, 0.79255854537887, 0.42391409845258093, 0.6042755429389093, 0.45425649366451387, 0.41167919676902015,
        0.20754716981132076, 0.5933962264150943, 0.5933962264150943, 0.6714285714285715, 0.5872727272727273, 0.572972972972973 })]
    public void BoxesAreTakenFromShapesWhereResultsHaveNone(string set, double[] expected)
    {
        var options = new ReadOptions { Parts = RecordParts.Boxes };
        var truth = CocoFormat.ReadGroundTruth(Golden.PathOf($"coco/{set}.gt.json.gz"), options);
        AssertClose(expected,
            CocoEvaluator.Evaluate(truth, CocoFormat.ReadResults(Golden.PathOf($"coco/{set}.dt.json.gz"), truth, options)).Stats, 1e-12,
            set);
    }

    internal static DetectionDataset Truth(string set)
        => CocoFormat.ReadGroundTruth(Golden.PathOf($"coco/{set}.gt.json.gz"), new ReadOptions { Lenient = true });

    internal static DetectionResults Results(string set)
        => CocoFormat.ReadResults(Golden.PathOf($"coco/{set}.dt.json.gz"), null, new ReadOptions { Lenient = true });

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
            options =
                options with
                {
                    AreaRanges = [.. areas.EnumerateArray().Select((a, i)
                => new AreaRange(names[i], a[0].GetDouble(), a[1].GetDouble()))]
                };
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
            Assert.True(Math.Abs(e[i] - a[i]) <= tolerance || (double.IsNaN(e[i]) && double.IsNaN(a[i])),
                $"{what}[{i}]: {a[i]:R} instead of {e[i]:R}");
        }
    }

    private static string Hash(ReadOnlySpan<double> values) => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes(values)));
}
