using System.Text.Json;
using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

public sealed class RandomisedTests
{
    private static readonly JsonElement Recorded = JsonDocument.Parse(File.ReadAllBytes(Golden.PathOf("randomised.json")))
        .RootElement.GetProperty("sets");

    public static TheoryData<int> Seeds => [.. Recorded.EnumerateArray().Select(s => s.GetProperty("seed").GetInt32())];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void SetsFromSeedsAgreeWithPycocotoolsAndLvis(int seed)
    {
        var expected = Recorded.EnumerateArray().Single(s => s.GetProperty("seed").GetInt32() == seed);
        var set = new RandomSet((ulong)seed);
        Assert.Equal(expected.GetProperty("gt").GetInt32(), set.Truth.Objects.Length);
        Assert.Equal(expected.GetProperty("check").GetDouble(),
            set.Results.Items.ToArray().Sum(d => d.Score + d.Box.X + d.Box.Y + d.Box.Width + d.Box.Height + d.Shape!.Keypoints!.Sum()),
            1e-6);
        Check(expected, "bbox", CocoEvaluator.Evaluate(set.Truth, set.Results));
        Check(expected, "segm", CocoEvaluator.Evaluate(set.Truth, set.MaskResults, CocoOptions.Masks));
        Check(expected, "keypoints", CocoEvaluator.Evaluate(set.Truth, set.KeypointResults, CocoOptions.Keypoints));
        CocoGoldenTests.AssertClose(expected.GetProperty("boundary").Flat(),
            CocoEvaluator.Evaluate(set.Truth, set.MaskResults, CocoOptions.Boundaries).Stats, 1e-12, "boundary");
        var lvis = ProtocolEvaluator.Evaluate(set.Truth, set.Results,
            new ProtocolOptions { Protocol = DetectionProtocol.Lvis, MaxDetections = [6] });
        foreach (var s in expected.GetProperty("lvis").EnumerateObject())
        {
            var name = s.Name.Replace("@", "", StringComparison.Ordinal);
            Assert.True(Math.Abs(s.Value.GetDouble() - lvis[name]) < 1e-12, $"lvis {name}: {lvis[name]} instead of {s.Value}");
        }
        Assert.Equal(expected.GetProperty("lvis_precision").GetDouble(), lvis.Coco!.Precision.ToArray().Sum(), 1e-7);
        Assert.Equal(expected.GetProperty("lvis_recall").GetDouble(), lvis.Coco!.Recall.ToArray().Sum(), 1e-9);
    }

    private static void Check(JsonElement expected, string kind, CocoResult result)
    {
        CocoGoldenTests.AssertClose(expected.GetProperty(kind).Flat(), result.Stats, 1e-12, kind);
        Assert.Equal(expected.GetProperty(kind + "_precision").GetDouble(), result.Precision.ToArray().Sum(), 1e-7);
        Assert.Equal(expected.GetProperty(kind + "_recall").GetDouble(), result.Recall.ToArray().Sum(), 1e-9);
    }
}
