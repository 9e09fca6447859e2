using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

/// <summary>Every part of a report speaks of the protocol that was asked for, for every protocol and kind.</summary>
public sealed class OneMatchingTests
{
    public static TheoryData<DetectionProtocol, IouKind> Asked
    {
        get
        {
            var data = new TheoryData<DetectionProtocol, IouKind>();
            foreach (var protocol in Enum.GetValues<DetectionProtocol>())
            {
                foreach (var kind in Enum.GetValues<IouKind>())
                {
                    var options = new ProtocolOptions { Protocol = protocol, Kind = kind };
                    if (!options.Validate().Any() && !(protocol == DetectionProtocol.Tide && kind == IouKind.Keypoints))
                    {
                        data.Add(protocol, kind);
                    }
                }
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Asked))]
    public void CurvesErrorsAndMatrixAgreeWithTheProtocol(DetectionProtocol protocol, IouKind kind)
    {
        foreach (var seed in new ulong[] { 3, 4, 5 })
        {
            var set = new RandomSet(seed);
            var (truth, results) = kind == IouKind.Oriented ? PixelAndCornerTests.Turned(set) : (set.Truth, set.Results);
            foreach (var agnostic in new[] { false, true })
            {
                if (agnostic && kind == IouKind.Keypoints) continue;
                var options = new ProtocolOptions { Protocol = protocol, Kind = kind, ClassAgnostic = agnostic };
                var report = DetectionReport.Create(truth, results, new DetectionReportOptions { Protocol = options, MinScore = 0.3 });
                var where = $"{protocol} {kind} seed {seed} agnostic {agnostic}";
                var matching = report.Matching;
                foreach (var c in report.Classes.Where(c => c.Objects > 0)) Close(c.ApAtIou, matching.Backend.Ap(c.Curve),
                    $"{where} class {c.Name}");
                if (report.Errors is { } errors) Close(matching.Result.Statistics[0].Value, errors.Ap, where);
                long hits = report.Classes.Sum(c
                    => Enumerable.Range(0, c.Curve.Scores.Count).Count(i => c.Curve.Hits[i] > 0 && c.Curve.Scores[i] >= 0.3));
                var images = matching.ImagesAt(0.3);
                Assert.Equal(hits, images.Sum(i => i.Hits));
                Assert.Equal(hits, matching.ImageScores(0.3).Sum(i => i.Hits));
                var n = report.Confusion.CategoryIds.Count;
                if (!agnostic) Assert.Equal(hits, Enumerable.Range(0, n).Sum(i => report.Confusion[i, i]));
                var objects = images.Sum(i => i.Pairs.Count(p => p.Object is not null));
                Assert.Equal(report.Classes.Sum(c => c.Objects), objects);
                if (protocol is DetectionProtocol.Coco or DetectionProtocol.Lvis) Assert.NotEmpty(report.Slices);
                if (report.Protocol.Coco is null) Assert.Empty(report.Slices);
            }
        }
    }

    [Fact]
    public void PairsCarryTheOverlapOfTheKind()
    {
        var set = new RandomSet(9);
        var matching = DetectionMatching.Create(set.Truth, set.Results, new ProtocolOptions { Kind = IouKind.Mask });
        var pairs = 0;
        for (var d = 0; d < set.Results.Items.Length; d++)
        {
            if (matching.OfDetection(d) != MatchOutcome.Hit) continue;
            var (o, iou) = matching.MatchOf(d)!.Value;
            var (height, width) = (set.Truth.Images[0].Height, set.Truth.Images[0].Width);
            var expected = set.Results.Items[d].Shape!.Segmentation!.ToMask(height, width)
                .Iou(set.Truth.Objects[o].Segmentation!.ToMask(height, width));
            Assert.Equal(expected, iou);
            Assert.True(iou >= 0.5 && matching.OfObject(o) == MatchOutcome.Hit);
            pairs++;
        }
        Assert.True(pairs > 10);
    }

    /// <summary>A detection of a class that nobody verified in the image is neither hit nor miss in LVIS, and so in every part.</summary>
    [Fact]
    public void APerfectFederatedResultHasNoErrorAnywhere()
    {
        var box = new Box(0, 0, 10, 10);
        DatasetImage[] images = [.. Enumerable.Range(1, 6).Select(i
            => new DatasetImage(i, "", 100, 100) { NegativeCategoryIds = [], NotExhaustiveCategoryIds = [] })];
        var truth = new DetectionDataset(images, [new(1, "a"), new(2, "b")],
            [.. images.Select(i => new GroundTruthObject { ImageId = i.Id, CategoryId = i.Id % 2 == 0 ? 1 : 2, Box = box })]);
        List<DetectedObject> found = [.. images.Select(i => new DetectedObject(i.Id, i.Id % 2 == 0 ? 1 : 2, box, .9))];
        found.AddRange(images.Select(i => new DetectedObject(i.Id, i.Id % 2 == 0 ? 2 : 1, box, .95)));
        var options = new DetectionReportOptions { Protocol = new ProtocolOptions { Protocol = DetectionProtocol.Lvis }, Resamples = 20 };
        var report = DetectionReport.Create(truth, new DetectionResults(found), options);
        Assert.All(report.Classes, c => Assert.Equal(1, c.Best!.FScore, 1e-12));
        Assert.All(report.Intervals.Where(i => i.Name == "AP"), i
            => Assert.Equal((1.0, 1.0), (Math.Round(i.Low, 9), Math.Round(i.High, 9))));
        Assert.Empty(report.Worst);
        Assert.Empty(report.LabelErrors);
        Assert.All(report.Errors!.Counts.Values, c => Assert.Equal(0, c));
        Assert.Equal(0, report.Confusion[0, 1] + report.Confusion[1, 0] + report.Confusion[2, 0] + report.Confusion[2, 1]);
    }

    [Fact]
    public void DisjointMasksInOneBoxAreNoHits()
    {
        static PolygonSegmentation Half(double y) => new([[0, y, 20, y, 20, y + 9, 0, y + 9]]);
        var truth = new DetectionDataset([new DatasetImage(1, "", 40, 40)], [new(1, "a")],
            [new GroundTruthObject { ImageId = 1, CategoryId = 1, Box = new Box(0, 0, 20, 20), Segmentation = Half(0) }]);
        var results = new DetectionResults(
            [new DetectedObject(1, 1, new Box(0, 0, 20, 20), .9) { Shape = new DetectionShape { Segmentation = Half(11) } }]);
        var report = DetectionReport.Create(truth, results,
            new DetectionReportOptions { Protocol = new ProtocolOptions { Kind = IouKind.Mask }, MinScore = 0 });
        Assert.Equal(0, report.Confusion[0, 0]);
        Assert.Equal(2, Assert.Single(report.Worst).Errors);
        Assert.Contains("<path d=", DetectionPicture.ToSvg(report.Worst[0], truth, null), StringComparison.Ordinal);
    }

    [Fact]
    public void LabelErrorsAreNamedByWhatContradictsThem()
    {
        Box at = new(0, 0, 20, 20), shifted = new(8, 0, 20, 20), far = new(60, 60, 20, 20);
        DatasetImage[] images = [new(1, "a.jpg", 100, 100), new(2, "b.jpg", 100, 100), new(3, "c.jpg", 100, 100)];
        var truth = new DetectionDataset(images, [new(1, "cat"), new(2, "dog")],
            [.. images.Select(i => new GroundTruthObject { ImageId = i.Id, CategoryId = 1, Box = at })]);
        DetectedObject[] found = [new(1, 1, at, .9), new(1, 1, far, .97), new(2, 2, at, .96), new(3, 1, shifted, .95), new(3, 2, far, .2)];
        var candidates = LabelErrors.Find(DetectionMatching.Create(truth, new DetectionResults(found), iouThreshold: 0.5));
        Assert.Equal([LabelErrorKind.MissingLabel, LabelErrorKind.WrongClass, LabelErrorKind.BadlyPlaced], candidates.Select(c => c.Kind));
        Assert.Equal([1L, 2L, 3L], candidates.Select(c => c.Image.Id));
        var scores = DetectionMatching.Create(truth, new DetectionResults(found)).ImageScores(0.5);
        Assert.Equal([2 / 3.0, 0, 0], scores.Select(s => s.F1));
        Assert.Equal(0.5, scores[0].Ap, 1e-12);
    }

    private static void Close(double expected, double actual, string where)
        => Assert.True(Math.Abs(expected - actual) < 1e-7 || (double.IsNaN(expected) && double.IsNaN(actual)),
            $"{where}: {actual} instead of {expected}");
}
