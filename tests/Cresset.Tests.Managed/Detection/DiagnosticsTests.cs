using System.Globalization;
using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

public sealed class DiagnosticsTests
{
    public static TheoryData<string> Sets => ["s01_basic", "s02_score_ties", "s04_crowds_and_ignore_flag", "s15_realistic"];

    [Theory]
    [MemberData(nameof(Sets))]
    public void MatrixThresholdsAndCalibrationAgree(string set)
    {
        var expected = Golden.Json("diagnostics.json.gz").GetProperty("sets").EnumerateArray()
            .Single(s => s.GetProperty("set").GetString() == set);
        var truth = CocoGoldenTests.Truth(set);
        var results = CocoGoldenTests.Results(set);
        Assert.Equal(expected.GetProperty("confusion_iou0.5").Longs(), Flat(ConfusionMatrix.Compute(truth, results)));
        Assert.Equal(expected.GetProperty("confusion_iou0.5_min_score0.3").Longs(),
            Flat(ConfusionMatrix.Compute(truth, results, 0.5, 0.3)));
        var result = CocoEvaluator.Evaluate(truth, results);
        foreach (var beta in new[] { 1, 2 })
        {
            foreach (var c in expected.GetProperty($"best_f{beta}_raw_curve_iou0.5").EnumerateObject())
            {
                var k = result.CategoryIds.ToList().IndexOf(long.Parse(c.Name, CultureInfo.InvariantCulture));
                var best = OperatingPoint.BestF(result.Curve(k), beta);
                if (c.Value.GetProperty("threshold").ValueKind == System.Text.Json.JsonValueKind.Null)
                {
                    Assert.Null(best);
                    continue;
                }
                Assert.Equal(c.Value.GetProperty("f").GetDouble(), best!.FScore, 1e-12);
                Assert.Equal(c.Value.GetProperty("threshold").GetDouble(), best.Threshold);
                Assert.Equal(c.Value.GetProperty("precision").GetDouble(), best.Precision, 1e-12);
                Assert.Equal(c.Value.GetProperty("recall").GetDouble(), best.Recall, 1e-12);
            }
        }
        var calibration = expected.GetProperty("hotcoco").GetProperty("calibration_10bins_iou0.5");
        var measured = Calibration.Compute(result);
        Assert.Equal(calibration.GetProperty("ece").GetDouble(), measured.Expected, 1e-12);
        Assert.Equal(calibration.GetProperty("mce").GetDouble(), measured.Maximum, 1e-12);
        Assert.Equal(calibration.GetProperty("bins").EnumerateArray().Select(b => b.GetProperty("count").GetInt64()),
            measured.Bins.Select(b => b.Count));
    }

    [Fact]
    public void AFixedPrecisionIsMetAtHighestRecall()
    {
        var curve = CocoEvaluator.Evaluate(CocoGoldenTests.Truth("s15_realistic"), CocoGoldenTests.Results("s15_realistic")).Curve(0);
        var point = OperatingPoint.AtPrecision(curve, 0.9)!;
        Assert.True(point.Precision >= 0.9);
        for (var i = 0; i < curve.Scores.Count; i++)
        {
            var end = i + 1 == curve.Scores.Count || curve.Scores[i + 1] != curve.Scores[i];
            if (end && curve.Precision[i] >= 0.9) Assert.True(curve.Recall[i] <= point.Recall);
        }
        Assert.Null(OperatingPoint.BestF(new RankedCurve([], [], 3)));
    }

    [Fact]
    public void EveryImageOnceGivesTheStatisticsThemselves()
    {
        foreach (var set in new[] { "s02_score_ties", "s04_crowds_and_ignore_flag", "s09_over_100_dets", "s20_keypoints" })
        {
            var options = set == "s20_keypoints" ? CocoOptions.Keypoints : new CocoOptions();
            var result = CocoEvaluator.Evaluate(CocoGoldenTests.Truth(set), CocoGoldenTests.Results(set), options);
            var table = new ResamplingTable(result);
            var ones = Enumerable.Repeat(1, table.ImageIds.Length).ToArray();
            CocoGoldenTests.AssertClose(result.Stats, table.Statistics(ones, ones), 1e-12, set);
        }
    }

    [Fact]
    public void WeightsActAsCopiesOfImages()
    {
        var truth = CocoGoldenTests.Truth("s01_basic");
        var results = CocoGoldenTests.Results("s01_basic");
        var table = new ResamplingTable(CocoEvaluator.Evaluate(truth, results));
        var weights = Enumerable.Range(0, table.ImageIds.Length).Select(i => i * 7 % 4).ToArray();
        List<DatasetImage> images = [];
        List<GroundTruthObject> objects = [];
        List<DetectedObject> detections = [];
        for (var i = 0; i < weights.Length; i++)
        {
            for (var copy = 0; copy < weights[i]; copy++)
            {
                var id = (table.ImageIds[i] * 10) + copy;
                images.Add(truth.FindImage(table.ImageIds[i])! with { Id = id });
                objects.AddRange(truth.Objects.ToArray().Where(o => o.ImageId == table.ImageIds[i])
                    .Select(o => o with { ImageId = id, Id = objects.Count + 1000 }));
                detections.AddRange(results.Items.ToArray().Where(d => d.ImageId == table.ImageIds[i])
                    .Select(d => d with { ImageId = id }));
            }
        }
        for (var i = 0; i < objects.Count; i++) objects[i] = objects[i] with { Id = i + 1 };
        var copies = CocoEvaluator.Evaluate(new DetectionDataset(images, truth.Categories, objects), new DetectionResults(detections));
        CocoGoldenTests.AssertClose(copies.Stats, table.Statistics(weights, weights), 1e-12, "copies");
    }

    [Fact]
    public void IntervalsHoldTheValueAndRepeatForASeed()
    {
        var result = CocoEvaluator.Evaluate(CocoGoldenTests.Truth("s15_realistic"), CocoGoldenTests.Results("s15_realistic"));
        var options = new ResamplingOptions { Resamples = 100, Seed = 5 };
        var intervals = Bootstrap.Intervals(result, options);
        Assert.Equal(intervals, Bootstrap.Intervals(result, options with { Threads = 1 }));
        Assert.All(intervals, i => Assert.True(i.Low <= i.Value && i.Value <= i.High && i.StandardError > 0, i.ToString()));
        Assert.NotEqual(intervals, Bootstrap.Intervals(result, options with { Seed = 6 }));
    }

    [Fact]
    public void LvisAndTorchmetricsHaveIntervalsOfTheirOwn()
    {
        var set = new RandomSet(7);
        foreach (var protocol in new[] { DetectionProtocol.Lvis, DetectionProtocol.TorchMetrics, DetectionProtocol.CocoFixed })
        {
            var result = ProtocolEvaluator.Evaluate(set.Truth, set.Results, protocol).Coco!;
            var intervals = Bootstrap.Intervals(result, new ResamplingOptions { Resamples = 40 });
            Assert.Equal(result.StatNames, intervals.Select(i => i.Name));
            Assert.All(intervals.Where(i => i.Value >= 0), i => Assert.True(i.Low <= i.Value && i.Value <= i.High, $"{protocol} {i}"));
        }
    }

    [Fact]
    public void EveryProtocolHasIntervalsAndComparison()
    {
        var set = new RandomSet(7);
        var worse = new DetectionResults([.. set.Results.Items.ToArray().Where((_, i) => i % 2 != 0)]);
        var options = new ResamplingOptions { Resamples = 60 };
        foreach (var protocol in Enum.GetValues<DetectionProtocol>())
        {
            var result = ProtocolEvaluator.Evaluate(set.Truth, set.Results, protocol);
            var intervals = Bootstrap.Intervals(result, options);
            Assert.Equal(result.Statistics.Select(s => s.Name), intervals.Select(i => i.Name));
            Assert.Equal(intervals, Bootstrap.Intervals(result, options with { Threads = 1 }));
            Assert.All(intervals.Where(i => i.Value >= 0), i => Assert.True(i.Low <= i.Value && i.Value <= i.High, $"{protocol} {i}"));
            Assert.True(intervals[0].StandardError > 0, $"{protocol}");
            var other = ProtocolEvaluator.Evaluate(set.Truth, worse, protocol);
            var compared = Bootstrap.Compare(other, result, options)[0];
            Assert.Equal(result.Statistics[0].Value - other.Statistics[0].Value, compared.Difference, 1e-12);
            Assert.True(compared.Low <= compared.Difference && compared.Difference <= compared.High, $"{protocol} {compared}");
            var same = Bootstrap.Compare(result, result, options)[0];
            Assert.Equal((0, 1.0), (same.Difference, same.PValue));
        }
        var voc = ProtocolEvaluator.Evaluate(set.Truth, set.Results, DetectionProtocol.Voc10);
        Assert.Throws<ArgumentException>(()
            => Bootstrap.Compare(voc, ProtocolEvaluator.Evaluate(set.Truth, set.Results, DetectionProtocol.Voc07), options));
    }

    /// <summary>Images copied under new ids give what weights give.</summary>
    [Theory]
    [InlineData(DetectionProtocol.Voc10)]
    [InlineData(DetectionProtocol.OpenImages)]
    [InlineData(DetectionProtocol.Tide)]
    public void WeightsAreCopiesUnderOtherProtocolsToo(DetectionProtocol protocol)
    {
        var set = new RandomSet(8);
        // Scores that differ everywhere: between copies of different images no tie decides.
        var distinct = new DetectionResults([.. set.Results.Items.ToArray().Select((d, i) => d with { Score = d.Score + (i * 1e-6) })]);
        var result = ProtocolEvaluator.Evaluate(set.Truth, distinct, protocol);
        IResamplingTable table = result.TideImages is { } images ? new TideResampling(images) : new RankedResampling(result.Ranked!);
        long[] ids = protocol == DetectionProtocol.Tide ? [.. result.TideImages!.Select(i => i.Image)]
            : [.. set.Truth.Images.Select(i => i.Id).Order()];
        var weights = ids.Select((_, i) => i % 3).ToArray();
        if (weights.Length != table.ImageCount) weights = [.. Enumerable.Range(0, table.ImageCount).Select(i => i % 3)];
        ids = ids.Length == table.ImageCount ? ids
            : [.. result.Ranked!.Matches.SelectMany(m => Enumerable.Range(0, m.Segments).Select(m.ImageId)).Distinct().Order()];
        List<DatasetImage> copies = [];
        List<GroundTruthObject> objects = [];
        List<DetectedObject> detections = [];
        for (var i = 0; i < ids.Length; i++)
        {
            for (var copy = 0; copy < weights[i]; copy++)
            {
                var id = (ids[i] * 10) + copy;
                copies.Add(set.Truth.FindImage(ids[i])! with { Id = id });
                objects.AddRange(set.Truth.Objects.ToArray().Where(o => o.ImageId == ids[i]).Select(o => o with { ImageId = id }));
                detections.AddRange(distinct.Items.ToArray().Where(d => d.ImageId == ids[i]).Select(d => d with { ImageId = id }));
            }
        }
        var direct = ProtocolEvaluator.Evaluate(new DetectionDataset(copies, set.Truth.Categories, objects),
            new DetectionResults(detections), protocol);
        Assert.Equal(direct.Statistics[0].Value, table.Statistics(weights, weights)[0], 1e-9);
    }

    /// <summary>Nominal 95 % over simulated test sets, for the value expected at that size.</summary>
    [Fact]
    public void IntervalsCoverTheExpectedValue()
    {
        const int Sets = 400;
        var random = new System.Random(11);
        var intervals = new List<IntervalEstimate>();
        for (var n = 0; n < Sets; n++)
        {
            intervals.Add(Bootstrap.Intervals(Simulated(random, 80), new ResamplingOptions { Resamples = 200, Seed = (ulong)n })[0]);
        }
        var expected = Enumerable.Range(0, 2000).Average(_ => Simulated(random, 80).Stats[0]);
        Assert.All(intervals, i => Assert.InRange(i.Value, i.Low, i.High));
        Assert.InRange(intervals.Count(i => i.Low <= expected && expected <= i.High) / (double)Sets, 0.93, 0.97);
    }

    /// <summary>Images of one class with one to four objects; a detector that finds some of them, better in some images, and
    /// errs.</summary>
    private static CocoResult Simulated(System.Random random, int images)
    {
        var evaluator = new CocoEvaluator([new DatasetCategory(1, "a")], new CocoOptions { IouThresholds = [0.5] });
        for (var i = 1; i <= images; i++)
        {
            var skill = 0.4 + (0.5 * random.NextDouble());
            var objects = new List<GroundTruthObject>();
            var detections = new List<DetectedObject>();
            for (var o = random.Next(1, 5); o > 0; o--)
            {
                var box = new Box(20 * o, 0, 10, 10);
                objects.Add(new GroundTruthObject { CategoryId = 1, Box = box });
                if (random.NextDouble() < skill) detections.Add(new DetectedObject(i, 1, box, Math.Sqrt(random.NextDouble())));
                if (random.NextDouble() > skill) detections.Add(new DetectedObject(i, 1, new Box(20 * o, 50, 10, 10), random.NextDouble()));
            }
            evaluator.Add(new DatasetImage(i, "", 200, 200), objects, detections);
        }
        return evaluator.Compute();
    }

    [Fact]
    public void ABetterModelIsFoundAndEqualOnesAreNot()
    {
        var truth = CocoGoldenTests.Truth("s15_realistic");
        var results = CocoGoldenTests.Results("s15_realistic");
        // Worse: every third detection is lost.
        var worse = new DetectionResults([.. results.Items.ToArray().Where((_, i) => i % 3 != 0)]);
        var full = CocoEvaluator.Evaluate(truth, results);
        var options = new ResamplingOptions { Resamples = 200 };
        var ap = Bootstrap.Compare(CocoEvaluator.Evaluate(truth, worse), full, options)[0];
        Assert.True(ap.Difference > 0 && ap.Low > 0 && ap.PValue < 0.02 && ap.ProbabilitySecondBetter > 0.99, ap.ToString());
        var same = Bootstrap.Compare(full, full, options)[0];
        Assert.Equal(0, same.Difference);
        Assert.Equal(1, same.PValue);
        Assert.Equal(0.5, same.ProbabilitySecondBetter);
    }

    [Fact]
    public void SlicesByAspectDivideTheObjects()
    {
        var truth = CocoGoldenTests.Truth("s15_realistic");
        var result = CocoEvaluator.Evaluate(truth, CocoGoldenTests.Results("s15_realistic"), CocoOptions.AspectSlices);
        for (var k = 0; k < result.CategoryIds.Count; k++)
        {
            Assert.Equal(result.Matches[k].TotalPositives(0),
                result.Matches[k].TotalPositives(1) + result.Matches[k].TotalPositives(2) + result.Matches[k].TotalPositives(3));
        }
        Assert.True(result.AveragePrecision(area: 1) > 0);
        Assert.Equal(CocoEvaluator.Evaluate(truth, CocoGoldenTests.Results("s15_realistic")).Stats[0], result.Stats[0], 1e-12);
    }

    private static IEnumerable<long> Flat(ConfusionMatrix m)
    {
        var n = m.CategoryIds.Count + 1;
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < n; j++) yield return m[i, j];
        }
    }
}
