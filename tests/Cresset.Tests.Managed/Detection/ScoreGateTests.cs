using System.Xml.Linq;
using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

public sealed class ScoreGateTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-gates").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void WhatIsWrittenIsReadBackForEveryProtocol()
    {
        var set = new RandomSet(12);
        foreach (var protocol in Enum.GetValues<DetectionProtocol>())
        {
            var result = ProtocolEvaluator.Evaluate(set.Truth, set.Results, protocol);
            var score = ScoreSummary.Of(result, new() { Protocol = protocol }, set.Truth, set.Results);
            var path = Path.Combine(_folder, "score.json");
            score.Write(path);
            var read = ScoreSummary.Read(path);
            Assert.Equal(score.Statistics, read.Statistics);
            Assert.Equal(score.Classes.Select(c => (c.Id, c.Name, c.Objects, c.Ap)),
                read.Classes.Select(c => (c.Id, c.Name, c.Objects, c.Ap)));
            Assert.All(score.Classes.Zip(read.Classes), c => Assert.Equal(c.First.ApByIou, c.Second.ApByIou));
            // A report is a baseline too.
            DetectionReport.Create(set.Truth, set.Results,
                new DetectionReportOptions { Protocol = new ProtocolOptions { Protocol = protocol } }).WriteJson(path);
            Assert.Equal(score.Statistics, ScoreSummary.Read(path).Statistics);
            Assert.All(ScoreGates.Judge(score, [new ScoreGate(score.Statistics[0].Name, 0, IsDrop: true)], read), v
                => Assert.True(v.Passed));
        }
    }

    [Fact]
    public void GatesNameStatisticsAndClasses()
    {
        var score = Score(0.5, 0.8, double.NaN);
        Assert.Equal(0.5, score.ValueOf("AP"));
        Assert.Equal(0.8, score.ValueOf("AP50/a/b"));
        Assert.Equal(0.8, score.ValueOf("AP/a/b"));
        Assert.Contains("several", Assert.Throws<ArgumentException>(() => score.ValueOf("AP/twin")).Message, StringComparison.Ordinal);
        Assert.Contains("no class", Assert.Throws<ArgumentException>(() => score.ValueOf("AP/dog")).Message, StringComparison.Ordinal);
        Assert.Contains("AP50", Assert.Throws<ArgumentException>(() => score.ValueOf("AP60/a/b")).Message, StringComparison.Ordinal);
        Assert.Contains("APx", Assert.Throws<ArgumentException>(() => score.ValueOf("mAP")).Message, StringComparison.Ordinal);
        DetectionAssert.AtLeast(score, "AP=0.5", "AP/a/b=0.79");
        var missed = Assert.Throws<DetectionAssertException>(() => DetectionAssert.AtLeast(score, "AP=0.51", "APx=0", "AP50/a/b=0.9"));
        Assert.Contains("AP is 0.500000", missed.Message, StringComparison.Ordinal);
        Assert.Contains("APx is not defined", missed.Message, StringComparison.Ordinal);
        DetectionAssert.NoDrop(score, Score(0.505, 0.8, double.NaN), "AP=0.005", "APx=0");
        Assert.Throws<DetectionAssertException>(() => DetectionAssert.NoDrop(score, Score(0.506, 0.8, 0.1), "AP=0.005"));
        Assert.Throws<DetectionAssertException>(() => DetectionAssert.NoDrop(score, Score(0.5, 0.8, 0.1), "APx=0.2"));
    }

    // Each changes the numbers and none of the counts.
    [Fact]
    public void ABaselineSaysWhatItsNumbersDependOn()
    {
        var set = new RandomSet(3);
        ScoreSummary Of(ProtocolOptions options) =>
            ScoreSummary.Of(ProtocolEvaluator.Evaluate(set.Truth, set.Results, options), options, set.Truth, set.Results);
        var plain = Of(new());
        var path = Path.Combine(_folder, "base.json");
        plain.Write(path);
        ScoreGate[] gates = [new ScoreGate("AP", 1, IsDrop: true)];
        Assert.Single(ScoreGates.Judge(Of(new() { Threads = 1 }), gates, ScoreSummary.Read(path)));
        foreach (var other in new ProtocolOptions[]
        {
            new() { ClassAgnostic = true }, new() { AreaRanges = [new AreaRange("tiny", 0, 10)] }, new() { MaxDetections = [1, 10, 100] },
        })
        {
            Assert.Contains("the baseline", Assert.Throws<ArgumentException>(
                () => ScoreGates.Judge(Of(other), gates, ScoreSummary.Read(path))).Message, StringComparison.Ordinal);
        }
        // As many objects, one of them a hair to the right; in another order they are the same.
        var objects = set.Truth.Objects.ToArray();
        var turned = set.Truth.With([.. objects.Reverse()]);
        Assert.Equal(set.Truth.Fingerprint(), turned.Fingerprint());
        var box = objects[0].Box;
        objects[0] = objects[0] with { Box = new Box(box.X + 0.001, box.Y, box.Width, box.Height) };
        var moved = set.Truth.With(objects);
        var score = ScoreSummary.Of(ProtocolEvaluator.Evaluate(moved, set.Results, new ProtocolOptions()), new(), moved, set.Results);
        Assert.Contains("other boxes", Assert.Throws<ArgumentException>(
            () => ScoreGates.Judge(score, gates, ScoreSummary.Read(path))).Message, StringComparison.Ordinal);
        // What an earlier version wrote says neither, and is still taken.
        var earlier = plain with { Settings = null, GroundTruthFingerprint = null };
        earlier.Write(path);
        Assert.Null(ScoreSummary.Read(path).Settings);
        Assert.Single(ScoreGates.Judge(score, gates, ScoreSummary.Read(path)));
    }

    [Theory]
    [InlineData("AP")]
    [InlineData("=0.5")]
    [InlineData("AP=1.5")]
    [InlineData("AP=NaN")]
    [InlineData("AP=0,5")]
    public void AGateIsANameAndAShare(string text) => Assert.Throws<ArgumentException>(() => ScoreGate.Parse(text, isDrop: false));

    [Fact]
    public void BaselinesOfAnotherQuestionAreRefused()
    {
        var score = Score(0.5, 0.8, 0.1) with { Settings = new Dictionary<string, string>(), GroundTruthFingerprint = "0" };
        foreach (var other in new[] { score with { Protocol = "voc10" }, score with { IouType = "segm" }, score with { Objects = 99 },
            score with { IouThresholds = [.3] }, score with { Classes = [] },
            score with { Settings = new Dictionary<string, string> { ["class_agnostic"] = "true" } },
            score with { GroundTruthFingerprint = "0000000000000001" } })
        {
            Assert.Throws<ArgumentException>(() => ScoreGates.Judge(score, [new ScoreGate("AP", 0, IsDrop: true)], other));
        }
        File.WriteAllText(Path.Combine(_folder, "x.json"), "{\"AP\": 0.5}");
        Assert.Throws<InvalidDataException>(() => ScoreSummary.Read(Path.Combine(_folder, "x.json")));
        File.WriteAllText(Path.Combine(_folder, "x.json"), "[");
        Assert.Throws<InvalidDataException>(() => ScoreSummary.Read(Path.Combine(_folder, "x.json")));
    }

    [Fact]
    public void NamesOfStrangersStayTextInMarkdownAndXml()
    {
        const string Evil = "a|b\n<script>`x`[y](z)\u0001@team";
        var score = Score(0.5, 0.8,
            0.1) with
        { Classes = [new ClassScore(1, Evil, 3, 0.8, [0.8]), new ClassScore(2, "ok", 3, 0.4, [0.4])] };
        var verdicts = ScoreGates.Judge(score, [new ScoreGate($"AP/{Evil}", 0.9, IsDrop: false), new ScoreGate("AP", 0.1, IsDrop: false)]);
        var text = MarkdownReport.Make(score, verdicts,
            score with { Classes = [new ClassScore(1, Evil, 3, 0.7, [0.7]), new ClassScore(2, "ok", 3, 0.4, [0.4])] });
        Assert.DoesNotContain("<script>", text, StringComparison.Ordinal);
        Assert.DoesNotContain("`x`[", text.Replace("\\`", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("+0.1000", text, StringComparison.Ordinal);
        Assert.Contains("**missed**", text, StringComparison.Ordinal);
        Assert.All(text.Split('\n').Where(l => l.StartsWith('|')), l => Assert.EndsWith("|", l, StringComparison.Ordinal));
        var path = Path.Combine(_folder, "junit.xml");
        JUnitReport.Write(path, score, verdicts);
        var xml = XDocument.Load(path).Root!;
        Assert.Equal("1", xml.Attribute("failures")!.Value);
        Assert.Equal(3, xml.Descendants("testcase").Count());
        Assert.Single(xml.Descendants("failure"));
    }

    [Fact]
    public void SubsetsHoldTheirImagesAndClassesAlone()
    {
        var truth = new DetectionDataset(
            [new(1, "day/a.jpg", 10, 10) { Attributes = new Dictionary<string, string> { ["light"] = "sun" } },
                new(2, "night/a.jpg", 10, 10), new(3, "b.jpg", 20, 10)],
            [new(1, "cat"), new(2, "dog")],
            [new() { ImageId = 1, CategoryId = 1, Box = new(0, 0, 5, 5) }, new() { ImageId = 2, CategoryId = 2, Box = new(0, 0, 5, 5) }]);
        var results = new DetectionResults([new(1, 1, new(0, 0, 5, 5), .9), new(2, 1, new(0, 0, 5, 5), .8)]);
        Assert.Equal(["day", "night", "."], DatasetSubset.By(truth, "folder").Select(s => s.Value).OrderBy(v => v == "."));
        Assert.Equal(["sun", "(none)"], DatasetSubset.By(truth, "light").Select(s => s.Value));
        Assert.Equal([2, 1], DatasetSubset.By(truth, "size").Select(s => s.Images.Count));
        Assert.Contains("light", Assert.Throws<ArgumentException>(() => DatasetSubset.By(truth, "weather")).Message,
            StringComparison.Ordinal);
        var (part, found) = DatasetSubset.OfImages(truth, results, ["night/a.jpg", "3"]);
        Assert.Equal((2, 1, 1), (part.Images.Count, part.Objects.Length, found.Items.Length));
        Assert.Contains("several", Assert.Throws<ArgumentException>(() => DatasetSubset.OfImages(truth, results, ["a.jpg"])).Message,
            StringComparison.Ordinal);
        (part, found) = DatasetSubset.OfCategories(truth, results, ["dog"]);
        Assert.Equal((3, 1, 1, 0), (part.Images.Count, part.Categories.Count, part.Objects.Length, found.Items.Length));
        Assert.Throws<ArgumentException>(() => DatasetSubset.OfCategories(truth, results, ["bird"]));
    }

    private static ScoreSummary Score(double ap, double ofClass, double undefined) => new()
    {
        Protocol = "coco",
        IouType = "bbox",
        Images = 4,
        Objects = 6,
        IouThresholds = [.5],
        Statistics = [new("AP", ap), new("APx", undefined)],
        Classes = [new(1, "a/b", 3, ofClass, [ofClass]), new(2, "twin", 1, .1, [.1]), new(3, "twin", 1, .1, [.1])],
    };
}
