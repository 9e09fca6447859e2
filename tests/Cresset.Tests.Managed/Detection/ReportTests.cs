using System.Text.Json;
using System.Xml.Linq;
using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

public sealed class ReportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-report").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void TheChainOfRulesEndsAtTheProtocolsOwnAnswer()
    {
        foreach (var item in Golden.Json("discriminators.json.gz").GetProperty("cases").EnumerateArray())
        {
            var (truth, results) = ProtocolTests.Read(item);
            foreach (var compared in ProtocolComparison.Run(truth, results))
            {
                var own = ProtocolEvaluator.Evaluate(truth, results, compared.Protocol);
                var at50 = own.Coco is not null ? own["AP50"] : own.Tide is not null ? own["AP"] : own["mAP50"];
                // What protocols have in common is done once; their own numbers stay to the bit.
                Assert.Equal(own.Statistics[0], compared.Headline);
                Assert.True(Math.Abs(at50 - compared.MeanAp) < 1e-7,
                    $"{item.GetProperty("name")} {compared.Protocol}: {compared.MeanAp} instead of {at50}");
            }
        }
        foreach (var set in new[] { "s01_basic", "s02_score_ties", "s04_crowds_and_ignore_flag", "s09_over_100_dets" })
        {
            var truth = CocoGoldenTests.Truth(set);
            var results = CocoGoldenTests.Results(set);
            foreach (var compared in ProtocolComparison.Run(truth, results))
            {
                var own = ProtocolEvaluator.Evaluate(truth, results, compared.Protocol);
                var at50 = own.Coco is not null ? own["AP50"] : own.Tide is not null ? own["AP"] : own["mAP50"];
                Assert.Equal(own.Statistics[0], compared.Headline);
                Assert.True(Math.Abs(at50 - compared.MeanAp) < 1e-7, $"{set} {compared.Protocol}: {compared.MeanAp} instead of {at50}");
            }
        }
    }

    [Theory]
    [InlineData("d01_second_choice", DetectionProtocol.Voc10, "no second choice")]
    [InlineData("d03_plus_one_decides", DetectionProtocol.Voc10, "one pixel is added")]
    [InlineData("d06_inside_crowd", DetectionProtocol.Yolo, "crowd regions are ordinary")]
    [InlineData("d07_class_without_gt", DetectionProtocol.Tide, "detections only counts as AP 0")]
    [InlineData("d09_three_of_ten", DetectionProtocol.YoloLegacy, "ramp from the last point")]
    [InlineData("d10_57_of_100", DetectionProtocol.CocoFixed, "recall values i/100")]
    [InlineData("d14_over_100", DetectionProtocol.Padilla, "no limit of detections")]
    [InlineData("d15_gt_id_zero", DetectionProtocol.CocoFixed, "id 0 can be hit")]
    [InlineData("d20_ignored_flag", DetectionProtocol.CocoFixed, "ignore field counts")]
    [InlineData("d21_group_of", DetectionProtocol.OpenImages, "group-of regions absorb")]
    public void TheDecisiveRuleIsNamed(string name, DetectionProtocol protocol, string rule)
    {
        var item = Golden.Json("discriminators.json.gz").GetProperty("cases").EnumerateArray().Single(c
            => c.GetProperty("name").GetString() == name);
        var (truth, results) = ProtocolTests.Read(item);
        Assert.Contains(rule, ProtocolComparison.Run(truth, results, [protocol])[0].Decisive!.Rule, StringComparison.Ordinal);
    }

    [Fact]
    public void ThePageIsWellFormedAndNeedsNoOtherFile()
    {
        var truth = CocoGoldenTests.Truth("s01_basic");
        File.WriteAllBytes(Path.Combine(_folder, truth.Images[0].FileName.Replace(".jpg", ".png", StringComparison.Ordinal)), [1, 2, 3]);
        var report = DetectionReport.Create(truth, CocoGoldenTests.Results("s01_basic"),
            new DetectionReportOptions { Title = "A <b> & c", Resamples = 50, ImageFolder = _folder });
        var path = Path.Combine(_folder, "report.html");
        report.WriteHtml(path);
        var html = File.ReadAllText(path);
        var body = html[html.IndexOf("<main>", StringComparison.Ordinal)..(html.IndexOf("</main>", StringComparison.Ordinal) + 7)]
            .Replace("<details open>", "<details>", StringComparison.Ordinal);
        var page = XElement.Parse(body.Replace("&ndash;", "-", StringComparison.Ordinal));
        Assert.True(page.Descendants().Count(e => e.Name.LocalName == "svg") >= 8);
        Assert.DoesNotContain("<script src", html, StringComparison.Ordinal);
        Assert.Single(System.Text.RegularExpressions.Regex.Matches(html, "<script>"));
        foreach (System.Text.RegularExpressions.Match link in System.Text.RegularExpressions.Regex.Matches(html,
            "href=\"#([^\"]+)\"")) Assert.Contains($"id=\"{link.Groups[1].Value}\"", html, StringComparison.Ordinal);
        Assert.DoesNotContain("src=", html, StringComparison.Ordinal);
        Assert.Contains("A &lt;b&gt; &amp; c", html, StringComparison.Ordinal);
        Assert.Contains("0.3516", html, StringComparison.Ordinal);
        Assert.Equal(12, report.Worst.Count);
    }

    [Fact]
    public void TheJsonHoldsTheNumbersOfTheReport()
    {
        var report = DetectionReport.Create(CocoGoldenTests.Truth("s04_crowds_and_ignore_flag"),
            CocoGoldenTests.Results("s04_crowds_and_ignore_flag"),
            new DetectionReportOptions { Protocol = new ProtocolOptions { Protocol = DetectionProtocol.Voc10 } });
        using var stream = new MemoryStream();
        report.WriteJson(stream);
        var json = JsonDocument.Parse(stream.ToArray()).RootElement;
        Assert.Equal("cresset-detection-report/1", json.GetProperty("schema").GetString());
        Assert.Equal("voc10", json.GetProperty("protocol").GetString());
        Assert.Equal(report.Protocol["mAP50"], json.GetProperty("statistics").GetProperty("mAP50").GetDouble());
        Assert.Equal(report.Classes.Count, json.GetProperty("classes").GetArrayLength());
        Assert.Equal(report.Errors!.Counts[TideError.Missed],
            json.GetProperty("errors").GetProperty("missed").GetProperty("count").GetInt32());
        Assert.Equal(5, json.GetProperty("confusion").GetProperty("counts").GetArrayLength());
    }

    [Fact]
    public void EmptyResultsMakeAReportToo()
    {
        var truth = CocoGoldenTests.Truth("s06_empty_images");
        var report = DetectionReport.Create(truth, new DetectionResults(new List<DetectedObject>()),
            new DetectionReportOptions { Resamples = 5 });
        report.WriteHtml(Path.Combine(_folder, "empty.html"));
        Assert.Equal(0, report.Protocol["AP"]);
        Assert.All(report.Classes, c => Assert.Null(c.Best));
    }

    [Fact]
    public void KeypointsAndMasksMakeReports()
    {
        foreach (var (set, kind) in new[] { ("s20_keypoints", IouKind.Keypoints), ("s18_segm_rle_only", IouKind.Mask) })
        {
            var report = DetectionReport.Create(CocoGoldenTests.Truth(set), CocoGoldenTests.Results(set),
                new DetectionReportOptions { Protocol = new ProtocolOptions { Kind = kind } });
            report.WriteJson(new MemoryStream());
            Assert.True(report.Protocol["AP"] > 0);
        }
    }
}
