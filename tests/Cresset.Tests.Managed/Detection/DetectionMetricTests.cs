using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

public sealed class DetectionMetricTests
{
    private static readonly float[] Box = [0, 0, 10, 10];

    [Fact]
    public void EpochsShardsAndFormatsGiveTheDigitsOfOneEvaluation()
    {
        var set = new RandomSet(5);
        long[] ids = [.. set.Truth.Categories.Select(c => c.Id)];
        string[] names = [.. set.Truth.Categories.Select(c => c.Name)];
        var options = new ProtocolOptions { Protocol = DetectionProtocol.CocoFixed };
        DetectionMetric one = new(names, options, BoxFormat.Xywh), first = new(names, options, BoxFormat.Xywh),
            second = new(names, options, BoxFormat.Xywh, shard: 1);
        for (var epoch = 0; epoch < 2; epoch++)
        {
            one.Reset();
            for (var i = 0; i < set.Truth.Images.Count; i++)
            {
                // Without crowds and marks, which arrays of boxes do not say.
                var objects = set.Truth.Objects.ToArray().Where(o => o.ImageId == set.Truth.Images[i].Id).ToArray();
                var found = set.Results.Items.ToArray().Where(d => d.ImageId == set.Truth.Images[i].Id).ToArray();
                void Update(DetectionMetric metric) => metric.Update(
                    [.. found.SelectMany(d => Four(d.Box))],
                    [.. found.Select(d => (float)d.Score)],
                    [.. found.Select(d => (long)Array.IndexOf(ids, d.CategoryId))],
                    [.. objects.SelectMany(o => Four(o.Box))],
                    [.. objects.Select(o => (long)Array.IndexOf(ids, o.CategoryId))]);
                Update(one);
                if (epoch == 0) Update(i % 2 == 0 ? first : second);
            }
        }
        first.Merge(second);
        var plain = set.Truth.Objects.ToArray()
            .Select(o => new GroundTruthObject { ImageId = o.ImageId, CategoryId = o.CategoryId, Box = o.Box }).ToArray();
        DetectedObject[] boxes = [.. set.Results.Items.ToArray()
            .Select(d => new DetectedObject(d.ImageId, d.CategoryId, d.Box, (float)d.Score))];
        // The metric sees images in the order of the loop; here they are numbered so too.
        var order = set.Truth.Images.Select((image, i) => (image.Id, i)).ToDictionary(x => x.Id, x => x.i + 1L);
        var dataset = new DetectionDataset([.. order.Values.Select(i => new DatasetImage(i))], set.Truth.Categories,
            [.. plain.Select(o => o with { ImageId = order[o.ImageId] })]);
        var expected = ProtocolEvaluator.Evaluate(dataset,
            new DetectionResults([.. boxes.Select(d => d with { ImageId = order[d.ImageId] })]), options);
        Assert.Equal(10, one.Images);
        Assert.Equal(expected.Statistics, one.Compute().Statistics);
        Assert.Equal(10, first.Images);
        Assert.True(first.Compute()["AP"] > 0);
    }

    [Fact]
    public void WhatCannotBeRightIsRefused()
    {
        var metric = new DetectionMetric(["a"]);
        Assert.Contains("four", Assert.Throws<ArgumentException>(() => metric.Update([1, 2, 3], [.5f], [0], [], [])).Message,
            StringComparison.Ordinal);
        Assert.Contains("labels[0] is 1", Assert.Throws<ArgumentException>(() => metric.Update(Box, [.5f], [1], [], [])).Message,
            StringComparison.Ordinal);
        Assert.Contains("finite", Assert.Throws<ArgumentException>(() => metric.Update(Box, [float.NaN], [0], [], [])).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => metric.Update(Box, [.5f, .4f], [0], [], []));
        metric.Update(Box, [.5f], [0], Box, [0]);
        Assert.Equal(1, metric.Compute()["AP"], 1e-12);
        var twin = new DetectionMetric(["a"]);
        twin.Update(Box, [.5f], [0], Box, [0]);
        Assert.Throws<ArgumentException>(() => metric.Merge(twin));
    }

    [Fact]
    public void LrpIsThatOfItsDefinition()
    {
        var set = new RandomSet(6);
        var matching = DetectionMatching.Create(set.Truth, set.Results, new ProtocolOptions { Protocol = DetectionProtocol.CocoFixed });
        var computed = LocalizationRecallPrecision.Compute(matching);
        Assert.NotEmpty(computed);
        foreach (var c in computed)
        {
            var objects = set.Truth.Objects.ToArray().Select((o, i) => (o, i))
                .Count(x => x.o.CategoryId == c.Id && matching.OfObject(x.i) is MatchOutcome.Hit or MatchOutcome.Missed
                && x.o.CategoryId == c.Id);
            var lowest = 1.0;
            foreach (var threshold in set.Results.Items.ToArray().Select(d => d.Score).Distinct())
            {
                double apart = 0;
                int hits = 0, wrong = 0;
                for (var d = 0; d < set.Results.Items.Length; d++)
                {
                    if (set.Results.Items[d].CategoryId != c.Id || set.Results.Items[d].Score < threshold) continue;
                    if (matching.OfDetection(d) == MatchOutcome.Hit)
                    {
                        hits++;
                        apart += (1 - matching.MatchOf(d)!.Value.Iou) / 0.5;
                    }
                    else if (matching.OfDetection(d) == MatchOutcome.False)
                    {
                        wrong++;
                    }
                }
                lowest = Math.Min(lowest, (apart + wrong + objects - hits) / (wrong + objects));
            }
            Assert.Equal(lowest, c.Error, 1e-12);
        }
        // A perfect detector has no error, a blind one all.
        var truth = new DetectionDataset([new(1)], [new(1, "a")], [new() { ImageId = 1, CategoryId = 1, Box = new Box(0, 0, 5, 5) }]);
        Assert.Equal(0, LocalizationRecallPrecision.Compute(
            DetectionMatching.Create(truth, new DetectionResults([new(1, 1, new Box(0, 0, 5, 5), .5)])))[0].Error);
        Assert.Equal(1, LocalizationRecallPrecision.Compute(DetectionMatching.Create(truth, new DetectionResults([])))[0].Error);
    }

    private static float[] Four(Box b) => [(float)b.X, (float)b.Y, (float)b.Width, (float)b.Height];
}
