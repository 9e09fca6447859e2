using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Detection;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset detect eval</c>: the numbers of one protocol, with a report on request.</summary>
internal static class DetectEvalCommand
{
    public static Command Create()
    {
        Option<string> truth = DetectCommand.Truth(), results = DetectCommand.Results(), protocol = DetectCommand.Protocol(), kind = DetectCommand.Kind();
        Option<bool> lenient = DetectCommand.Lenient(), json = SharedOptions.Json();
        var perClass = new Option<bool>("--per-class") { Description = "Also a table of all classes." };
        var agnostic = new Option<bool>("--class-agnostic") { Description = "Treat all classes as one." };
        var ious = new Option<double[]>("--iou") { Description = "IoU thresholds in place of the protocol's.", AllowMultipleArgumentsPerToken = true, HelpName = "T" };
        var max = new Option<int[]>("--max-dets") { Description = "Numbers of detections an image and class (COCO family).", AllowMultipleArgumentsPerToken = true, HelpName = "N" };
        var report = new Option<string?>("--report") { Description = "Write a report: .html (needs no other file) or .json.", HelpName = "FILE" };
        var resamples = new Option<int>("--bootstrap") { Description = "Resamples for 95 % intervals (0: none).", DefaultValueFactory = _ => 0, HelpName = "N" };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the resamples.", DefaultValueFactory = _ => 1UL };
        var weight = new Option<double>("--group-of-weight") { Description = "Open Images: weight of a found group-of region.", DefaultValueFactory = _ => 0.0 };
        var hierarchy = new Option<string?>("--hierarchy") { Description = "Open Images: JSON file of the class hierarchy.", HelpName = "FILE" };
        var exactYolo = new Option<bool>("--yolo-float32") { Description = "yolo: overlaps in float32 with 1e-7 added to the union, as the package." };
        Option<string?> classes = DetectCommand.Classes(), images = DetectCommand.Images();
        var empty = DetectCommand.AllowEmpty();
        var gates = new Option<string[]>("--min")
        {
            Description = "Gate: exit code 3 when a statistic, or the AP of a class, is lower (AP=0.5, AP/person=0.7); may be repeated.",
            HelpName = "NAME=VALUE",
        };
        var threads = DetectCommand.Threads();
        var command = new Command("eval", "Score one file of detections.") { truth, results, protocol, kind, perClass, agnostic, ious, max, report, resamples, seed, weight, hierarchy, exactYolo, classes, images, lenient, empty, gates, threads, json };
        command.SetAction(r =>
        {
            var options = new ProtocolOptions
            {
                Protocol = DetectionProtocols.Parse(r.GetValue(protocol)!),
                Kind = DetectCommand.KindOf(r.GetValue(kind)!),
                ClassAgnostic = r.GetValue(agnostic),
                IouThresholds = r.GetValue(ious) is { Length: > 0 } t ? t : null,
                MaxDetections = r.GetValue(max) is { Length: > 0 } m ? m : null,
                GroupOfWeight = r.GetValue(weight),
                Hierarchy = r.GetValue(hierarchy) is { } h ? CategoryHierarchy.Read(h) : null,
                YoloSinglePrecision = r.GetValue(exactYolo),
                Threads = r.GetValue(threads),
            };
            if (r.GetValue(report) is { } name && !name.EndsWith(".json", StringComparison.OrdinalIgnoreCase) && !name.EndsWith(".html", StringComparison.OrdinalIgnoreCase))
            {
                throw new ArgumentException($"--report is '{name}'; a report is written as .html or .json.");
            }
            if (r.GetValue(resamples) > 0 && options.Protocol is not (DetectionProtocol.Coco or DetectionProtocol.CocoFixed or DetectionProtocol.Lvis or DetectionProtocol.TorchMetrics))
            {
                throw new ArgumentException($"--bootstrap: {DetectionProtocols.NameOf(options.Protocol)} has no intervals; coco, coco-fixed, lvis and torchmetrics have.");
            }
            var gate = DetectGates.Parse(r.GetValue(gates) ?? []);
            using var interruption = new Interruption("stopping.");
            var files = new DetectFiles(r.GetValue(lenient), DetectFiles.PartsOf(options.Kind), r.GetValue(classes), r.GetValue(images));
            var dataset = files.Truth(r.GetValue(truth)!, interruption.Token);
            var detections = files.Results(r.GetValue(results)!, dataset, interruption.Token);
            files.RequireMeeting(dataset, detections, r.GetValue(results)!, r.GetValue(empty), options.ClassAgnostic || options.Hierarchy is not null);
            if (r.GetValue(report) is null && r.GetValue(resamples) == 0)
            {
                var result = ProtocolEvaluator.Evaluate(dataset, detections, options, null, interruption.Token);
                Print(result, [], r.GetValue(perClass), r.GetValue(json));
                return gate.Judge(result);
            }
            var made = DetectionReport.Create(dataset, detections, new DetectionReportOptions { Protocol = options, Resamples = r.GetValue(resamples), Seed = r.GetValue(seed), ImageFolder = r.GetValue(images) }, null, interruption.Token);
            if (r.GetValue(report) is { } path)
            {
                if (path.EndsWith(".json", StringComparison.OrdinalIgnoreCase)) made.WriteJson(path);
                else made.WriteHtml(path);
            }
            Print(made.Protocol, made.Intervals, r.GetValue(perClass), r.GetValue(json));
            if (r.GetValue(report) is { } written && !r.GetValue(json)) Console.Out.WriteLine($"report: {written}");
            return gate.Judge(made.Protocol);
        });
        return command.WithExamples(
            "cresset detect eval --gt instances_val2017.json --dt results.json",
            "cresset detect eval --gt Annotations/ --dt results/ --protocol voc10 --iou 0.5",
            "cresset detect eval --gt gt.json --dt dt.json --min AP=0.5 --min AP/person=0.7",
            "cresset detect eval --gt gt.json --dt dt.json --iou-type segm --report report.html --bootstrap 1000");
    }

    private static void Print(ProtocolResult result, IReadOnlyList<IntervalEstimate> intervals, bool perClass, bool json)
    {
        var interval = intervals.Where(i => i.Value >= 0).ToDictionary(i => i.Name);
        if (json)
        {
            Output.Json(new
            {
                Protocol = DetectionProtocols.NameOf(result.Protocol),
                Statistics = result.Statistics.ToDictionary(s => s.Name, s => Defined(s.Value)),
                Intervals = interval.ToDictionary(i => i.Key, i => new { i.Value.Low, i.Value.High, i.Value.StandardError }),
                Classes = result.Classes.Select(c => new { c.Id, c.Name, Objects = Defined(c.Positives), Ap = Defined(c.MeanAp), ApByIou = c.Ap.Select(Defined) }),
                result.IouThresholds,
            });
            return;
        }
        Output.Table(intervals.Count > 0 ? ["statistic", "value", "95 % interval"] : ["statistic", "value"], result.Statistics.Select(s =>
        {
            string[] row = [s.Name, Text(s.Value)];
            return intervals.Count == 0 ? row : [.. row, interval.TryGetValue(s.Name, out var i) ? $"{Text(i.Low)} - {Text(i.High)}" : ""];
        }));
        if (!perClass) return;
        Output.Table(["class", "objects", "AP", $"AP at {result.IouThresholds[0].ToString("0.##", CultureInfo.InvariantCulture)}"], result.Classes.Select(c => new[] { c.Name, Text(c.Positives), Text(c.MeanAp), Text(c.Ap[0]) }));
    }

    private static double? Defined(double value) => double.IsFinite(value) ? value : null;

    /// <summary>As the tool of the protocol prints it: -1 stays -1.</summary>
    private static string Text(double value) => double.IsNaN(value) ? "-" : value == Math.Floor(value) && Math.Abs(value) > 1 ? value.ToString("0", CultureInfo.InvariantCulture) : value.ToString("0.000000", CultureInfo.InvariantCulture);
}
