using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

public sealed class DatasetVerbTests
{
    [Fact]
    public void PartsHoldEveryImageOnceAndTheirSharesOfEveryClass()
    {
        var dataset = Made(200);
        var parts = DatasetVerbs.Split(dataset, [0.7, 0.2, 0.1], seed: 3);
        Assert.Equal(dataset.Images.Select(i => i.Id).Order(), parts.SelectMany(p => p.Images).Select(i => i.Id).Order());
        Assert.Equal(dataset.Objects.Length, parts.Sum(p => p.Objects.Length));
        double[] shares = [0.7, 0.2, 0.1];
        foreach (var c in dataset.Categories)
        {
            var all = dataset.Objects.ToArray().Count(o => o.CategoryId == c.Id);
            for (var p = 0; p < 3; p++)
            {
                var here = parts[p].Objects.ToArray().Count(o => o.CategoryId == c.Id);
                Assert.True(Math.Abs(here - (shares[p] * all)) <= 1 + (0.05 * all), $"{c.Name}: {here} of {all} in part {p}");
            }
        }
        Assert.Equal(parts[1].Images, DatasetVerbs.Split(dataset, [0.7, 0.2, 0.1], seed: 3)[1].Images);
        Assert.NotEqual(parts[1].Images, DatasetVerbs.Split(dataset, [0.7, 0.2, 0.1], seed: 4)[1].Images);
        Assert.Throws<ArgumentException>(() => DatasetVerbs.Split(dataset, [0.7, 0.2]));
    }

    [Fact]
    public void ClassesThatLookAlikeAreFound()
    {
        var dataset = new DetectionDataset([new DatasetImage(1, "a.png", 10, 10)],
            [new DatasetCategory(1, "Cat"), new DatasetCategory(2, "cat"), new DatasetCategory(3, "dog")], []);
        var finding = Assert.Single(DatasetCheck.Run(dataset), f => f.What == "classes whose names look alike");
        Assert.False(finding.IsFault);
        Assert.Contains("'Cat' and 'cat' differ in case", finding.Examples[0], StringComparison.Ordinal);
    }

    [Fact]
    public void GroupsStayTogether()
    {
        var parts = DatasetVerbs.Split(Made(120), [0.5, 0.5], group: "folder");
        var folders = parts.Select(p => p.Images.Select(i => Path.GetDirectoryName(i.FileName)).ToHashSet()).ToArray();
        Assert.Empty(folders[0].Intersect(folders[1]));
        Assert.All(folders, f => Assert.NotEmpty(f));
    }

    [Fact]
    public void JoinedSetsScoreAsTheirUnion()
    {
        var all = Made(60);
        var halves = DatasetVerbs.Split(all, [0.5, 0.5]);
        var other = new DetectionDataset(halves[1].Images, [.. halves[1].Categories.Select(c => c with { Id = c.Id + 40 }).Reverse()],
            [.. halves[1].Objects.ToArray().Select(o => o with { CategoryId = o.CategoryId + 40 })]);
        var joined = DatasetVerbs.Merge(halves[0], other);
        Assert.Equal((60, all.Objects.Length, 3), (joined.Images.Count, joined.Objects.Length, joined.Categories.Count));
        Assert.Equal(
            all.Objects.ToArray().Select(o => $"{all.FindImage(o.ImageId)!.FileName} {all.CategoryName(o.CategoryId)} {o.Box}")
                .Order(StringComparer.Ordinal),
            joined.Objects.ToArray().Select(o => $"{joined.FindImage(o.ImageId)!.FileName} {joined.CategoryName(o.CategoryId)} {o.Box}")
                .Order(StringComparer.Ordinal));
        Assert.Contains("twice", Assert.Throws<ArgumentException>(() => DatasetVerbs.Merge(all, all)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FiltersAndSamplesAreParts()
    {
        var all = Made(50);
        var large = DatasetVerbs.Filter(all, 200, dropEmpty: true);
        Assert.All(large.Objects.ToArray(), o => Assert.True(o.Area >= 200));
        Assert.All(large.Images, i => Assert.Contains(large.Objects.ToArray(), o => o.ImageId == i.Id));
        Assert.Equal(7, DatasetVerbs.Sample(all, 7).Images.Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => DatasetVerbs.Sample(all, 51));
        var stats = DatasetStatistics.Of(all);
        Assert.Equal(all.Objects.Length, stats.Classes.Sum(c => c.Objects));
        Assert.All(stats.Classes, c => Assert.Equal(c.Objects, c.Small + c.Medium + c.Large));
    }

    [Fact]
    public void FindingsAreCountedAndRepaired()
    {
        var dataset = new DetectionDataset(
            [new(1, "a.jpg", 100, 100), new(2, "a.jpg", 100, 100)],
            [new(1, "cat"), new(2, "never")],
            [
                new() { Id = 1, ImageId = 1, CategoryId = 1, Box = new(0, 0, 10, 10) },
                new() { Id = 2, ImageId = 1, CategoryId = 1, Box = new(0, 0, 10, 10) },
                new() { Id = 3, ImageId = 1, CategoryId = 1, Box = new(90, 90, 30, 5) },
                new() { Id = 4, ImageId = 1, CategoryId = 1, Box = new(5, 5, 0, 5) },
                new() { Id = 5, ImageId = 1, CategoryId = 1, Box = new(500, 5, 10, 5) },
            ]);
        var findings = DatasetCheck.Run(dataset).ToDictionary(f => f.What.Split(' ')[1] + f.What.Split(' ')[2], f => f.Count);
        Assert.Equal(1, findings["boxwithout"]);
        Assert.Equal(2, findings["boxthat"]);
        Assert.Equal(1, findings["objectthat"]);
        Assert.Equal(1, findings["filename"]);
        Assert.Equal(1, findings["classwithout"]);
        var (repaired, done) = DatasetCheck.Repair(dataset);
        Assert.Equal([new Box(0, 0, 10, 10), new Box(90, 90, 10, 5)], repaired.Objects.ToArray().Select(o => o.Box));
        Assert.Equal(3, done.Count);
        Assert.DoesNotContain(DatasetCheck.Run(repaired), f => f.IsFault && f.What.StartsWith("a box", StringComparison.Ordinal));
    }

    private static DetectionDataset Made(int images)
    {
        var random = new System.Random(8);
        List<GroundTruthObject> objects = [];
        for (var i = 1; i <= images; i++)
        {
            for (var n = random.Next(0, 5); n > 0; n--)
            {
                var category = random.NextDouble() < 0.08 ? 3 : random.Next(1, 3);
                objects.Add(new GroundTruthObject
                {
                    Id = objects.Count + 1,
                    ImageId = i,
                    CategoryId = category,
                    Box = new Box(random.Next(50), random.Next(50), 5 + random.Next(40), 5 + random.Next(40))
                });
            }
        }
        return new DetectionDataset([.. Enumerable.Range(1, images).Select(i => new DatasetImage(i, $"f{i % 10}/{i}.jpg", 100, 100))],
            [new(1, "a"), new(2, "b"), new(3, "rare")], objects);
    }
}
