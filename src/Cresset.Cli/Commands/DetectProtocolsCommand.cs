using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Detection;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset detect compare-protocols</c>: why two tools give different numbers for the same files.</summary>
internal static class DetectProtocolsCommand
{
    public static Command Create()
    {
        Option<string> truth = DetectCommand.Truth(), results = DetectCommand.Results();
        Option<bool> lenient = DetectCommand.Lenient(), json = SharedOptions.Json();
        var protocols = new Option<string[]>(
            "--protocols")
        {
            Description = "Protocols to compare (all): " + string.Join(", ", DetectionProtocols.Names) + ".",
            AllowMultipleArgumentsPerToken = true,
            HelpName = "NAME"
        };
        protocols.AcceptOnlyFromAmong([.. DetectionProtocols.Names]);
        var from = DetectCommand.Protocol();
        from.Description = "Protocol that the others are explained from.";
        var empty = DetectCommand.AllowEmpty();
        var iou = new Option<double>("--iou") { Description = "IoU threshold.", DefaultValueFactory = _ => 0.5, HelpName = "T" };
        Option<string?> classes = DetectCommand.Classes(), images = DetectCommand.Images();
        var formats = new DetectFormatOptions();
        var command = new Command("compare-protocols",
            "Score the same files under several protocols and name the rules that make them differ.") { truth, results, protocols, from,
            iou, classes, images, lenient, empty, json };
        formats.AddTo(command);
        command.SetAction(r =>
        {
            using var interruption = new Interruption("stopping.");
            var files = new DetectFiles(r.GetValue(lenient), RecordParts.Boxes, r.GetValue(classes), r.GetValue(images));
            var dataset = files.Truth(r.GetValue(truth)!, formats.Truth(r, r.GetValue(truth)!), interruption.Token);
            var detections = files.Results(r.GetValue(results)!, dataset, formats.Results(r, r.GetValue(results)!), interruption.Token);
            files.RequireMeeting(dataset, detections, r.GetValue(results)!, r.GetValue(empty));
            var chosen = r.GetValue(protocols) is { Length: > 0 } names ? names.Select(DetectionProtocols.Parse).ToArray() : null;
            var compared = ProtocolComparison.Run(dataset, detections, chosen, DetectionProtocols.Parse(r.GetValue(from)!),
                r.GetValue(iou), interruption.Token);
            if (r.GetValue(json))
            {
                Output.Json(compared.Select(c
                    => new
                    {
                        Protocol = DetectionProtocols.NameOf(c.Protocol),
                        c.MeanAp,
                        Headline = new { c.Headline.Name, c.Headline.Value },
                        DecisiveRule = c.Decisive?.Rule,
                        c.Rules
                    }));
                return ExitCode.Success;
            }
            Output.Table(["protocol", "mean AP at IoU", "its own headline"],
                compared.Select(c => new[] { DetectionProtocols.NameOf(c.Protocol), Text(c.MeanAp),
                $"{c.Headline.Name} {Text(c.Headline.Value)}" }));
            Console.Out.WriteLine($"What makes the difference, starting from {r.GetValue(from)} (rules that change nothing are left out):");
            foreach (var c in compared)
            {
                var effects = c.Rules.Where(e => Math.Abs(e.Effect) > 5e-7).OrderByDescending(e => Math.Abs(e.Effect)).ToArray();
                if (effects.Length == 0) continue;
                Console.Out.WriteLine($"  {DetectionProtocols.NameOf(c.Protocol)}");
                foreach (var e in effects) Console.Out.WriteLine(
                    $"    {e.Effect.ToString("+0.000000;-0.000000", CultureInfo.InvariantCulture)}  {e.Rule}");
            }
            return ExitCode.Success;
        });
        return command.WithExamples("cresset detect compare-protocols --gt gt.json --dt dt.json",
            "cresset detect compare-protocols --gt gt.json --dt dt.json --protocols coco yolo");
    }

    private static string Text(double value) => double.IsNaN(value) ? "-" : value.ToString("0.000000", CultureInfo.InvariantCulture);
}
