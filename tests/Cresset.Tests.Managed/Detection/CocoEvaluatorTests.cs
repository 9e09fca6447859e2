using Cresset.Detection;
using CsCheck;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

public sealed class CocoEvaluatorTests
{
    [Theory]
    [InlineData("s02_score_ties", false)]
    [InlineData("s04_crowds_and_ignore_flag", true)]
    [InlineData("s07_degenerate", false)]
    [InlineData("s15_realistic", false)]
    public void AnyShardingGivesTheBitsOfOneRun(string set, bool agnostic)
    {
        var truth = CocoGoldenTests.Truth(set);
        var results = CocoGoldenTests.Results(set);
        var options = new CocoOptions { ClassAgnostic = agnostic };
        var whole = CocoEvaluator.Evaluate(truth, results, options);
        Gen.Select(Gen.Int[1, 5], Gen.Int).Sample((shards, seed) =>
        {
            var parts = Enumerable.Range(0, shards).Select(_ => new CocoEvaluator(truth.Categories, options)).ToArray();
            var random = new System.Random(seed);
            foreach (var image in truth.Images.OrderBy(_ => random.Next())) AddImage(parts[random.Next(shards)], truth, results, image);
            var first = parts[0];
            foreach (var part in parts[1..]) first.Merge(Reload(part, truth, options));
            AssertSame(whole, first.Compute());
        }, iter: set == "s15_realistic" ? 2 : 8, threads: 1);
    }

    [Fact]
    public void SavedBytesDoNotDependOnTheOrderOfAdditions()
    {
        var truth = CocoGoldenTests.Truth("s01_basic");
        var results = CocoGoldenTests.Results("s01_basic");
        var forward = new CocoEvaluator(truth.Categories);
        var backward = new CocoEvaluator(truth.Categories);
        foreach (var image in truth.Images) AddImage(forward, truth, results, image);
        foreach (var image in truth.Images.Reverse()) AddImage(backward, truth, results, image);
        Assert.Equal(Saved(forward), Saved(backward));
        Assert.Equal(25, forward.ImageCount);
    }

    [Fact]
    public void ThreadsAndRecordOrderDoNotMatter()
    {
        var truth = CocoGoldenTests.Truth("s15_realistic");
        var results = CocoGoldenTests.Results("s15_realistic");
        var one = CocoEvaluator.Evaluate(truth, results, new CocoOptions { Threads = 1 });
        AssertSame(one, CocoEvaluator.Evaluate(truth, results, new CocoOptions { Threads = 3 }));
        // Ties within an image and class fall back on file order by definition: only the order between images is shuffled.
        var random = new System.Random(5);
        var images = truth.Images.OrderBy(_ => random.Next()).ToArray();
        var objects = truth.Objects.ToArray().ToLookup(o => o.ImageId);
        var detections = results.Items.ToArray().ToLookup(d => d.ImageId);
        var shuffled = new DetectionDataset(images, [.. truth.Categories.Reverse()], [.. images.SelectMany(i => objects[i.Id])]);
        AssertSame(one, CocoEvaluator.Evaluate(shuffled, new DetectionResults([.. images.SelectMany(i => detections[i.Id])])));
    }

    [Fact]
    public void WithDistinctScoresNoOrderMatters()
    {
        var truth = CocoGoldenTests.Truth("s01_basic");
        var results = CocoGoldenTests.Results("s01_basic").Items.ToArray().DistinctBy(d => d.Score).ToArray();
        var expected = CocoEvaluator.Evaluate(truth, new DetectionResults(results));
        Gen.Int.Sample(seed =>
        {
            var random = new System.Random(seed);
            var mixed = results.OrderBy(_ => random.Next()).ToArray();
            var objects = truth.Objects.ToArray().OrderBy(_ => random.Next()).ToArray();
            AssertSame(expected,
                CocoEvaluator.Evaluate(new DetectionDataset(truth.Images, truth.Categories, objects.ToList()),
                new DetectionResults(mixed)));
        }, iter: 20, threads: 1);
    }

    [Fact]
    public void AccidentsAreKeptAndCanBeSwitchedOff()
    {
        var truth = new DetectionDataset([new DatasetImage(1)], [new DatasetCategory(1, "a")],
            new List<GroundTruthObject> { new() { Id = 0, ImageId = 1, CategoryId = 1, Box = new(0, 0, 10, 10), Area = 100,
            FromFile = true } });
        var results = new DetectionResults([new DetectedObject(1, 1, new(0, 0, 10, 10), .9)]);
        Assert.Equal(0, CocoEvaluator.Evaluate(truth, results).Stats[0]);
        Assert.Equal(1, CocoEvaluator.Evaluate(truth, results, new CocoOptions().AsCorrected()).Stats[0]);
        var few = new CocoOptions { MaxDetections = [1, 5, 50] };
        Assert.Equal(-1, CocoEvaluator.Evaluate(truth, results, few).Stats[0]);
        Assert.Equal(1, CocoEvaluator.Evaluate(truth, results, few.AsCorrected()).Stats[0]);
    }

    [Fact]
    public void MisuseIsNamed()
    {
        var evaluator = new CocoEvaluator([new DatasetCategory(1, "a")]);
        evaluator.Add(new DatasetImage(1), [], []);
        Assert.Contains("image 1", Assert.Throws<ArgumentException>(() => evaluator.Add(new DatasetImage(1), [], [])).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(()
            => evaluator.Merge(new CocoEvaluator([new DatasetCategory(1, "a")], new CocoOptions { ClassAgnostic = true })));
        var saved = Saved(evaluator);
        Assert.Throws<InvalidDataException>(() => CocoEvaluator.Load(new MemoryStream(saved[..^3]), [new DatasetCategory(1, "a")]));
        Assert.Throws<InvalidDataException>(()
            => CocoEvaluator.Load(new MemoryStream(saved), [new DatasetCategory(1, "a")], CocoOptions.Masks));
        Assert.Throws<Cresset.Numerics.InvalidOptionsException>(() => new CocoEvaluator([], new CocoOptions { IouThresholds = [] }));
    }

    private static void AddImage(CocoEvaluator evaluator, DetectionDataset truth, DetectionResults results, DatasetImage image)
        => evaluator.Add(image, [.. truth.Objects.ToArray().Where(o => o.ImageId == image.Id)],
            [.. results.Items.ToArray().Where(d => d.ImageId == image.Id)]);

    private static CocoEvaluator Reload(CocoEvaluator evaluator, DetectionDataset truth, CocoOptions options)
        => CocoEvaluator.Load(new MemoryStream(Saved(evaluator)), truth.Categories, options);

    private static byte[] Saved(CocoEvaluator evaluator)
    {
        using var stream = new MemoryStream();
        evaluator.Save(stream);
        return stream.ToArray();
    }

    private static void AssertSame(CocoResult expected, CocoResult actual)
    {
        Assert.Equal(expected.Precision.ToArray(), actual.Precision.ToArray());
        Assert.Equal(expected.Scores.ToArray(), actual.Scores.ToArray());
        Assert.Equal(expected.Recall.ToArray(), actual.Recall.ToArray());
        Assert.Equal(expected.Stats, actual.Stats);
    }
}
