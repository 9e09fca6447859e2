using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Detection;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset detect panoptic</c> and <c>semantic</c>: scores of pixels instead of boxes.</summary>
internal static class DetectPixelCommands
{
    public static IEnumerable<Command> Create() => [Panoptic(), Semantic()];

    private static Command Panoptic()
    {
        var truth = File("--gt", "Truth: JSON of the panoptic layout of COCO.", "FILE");
        var truthFolder = File("--gt-folder", "Folder of its PNG files.", "FOLDER");
        var found = File("--dt", "Predictions: JSON of the same layout.", "FILE");
        var foundFolder = File("--dt-folder", "Folder of their PNG files.", "FOLDER");
        var (minima, json) = (Minima("PQ=0.4, PQ/person=0.5"), SharedOptions.Json());
        var command = new Command("panoptic", "Panoptic quality of segments.") { truth, truthFolder, found, foundFolder, minima, json };
        command.SetAction(r =>
        {
            var gates = Gates(r.GetValue(minima));
            using var interruption = new Interruption("stopping.");
            var reading = PanopticFiles.Score(r.GetValue(truth)!, r.GetValue(truthFolder)!, r.GetValue(found)!, r.GetValue(foundFolder)!,
                interruption.Token);
            foreach (var note in reading.Notes) Console.Error.WriteLine($"cresset: note: {note}");
            var (means, classes) = (reading.Quality.Means(), reading.Quality.Classes());
            var values = new Dictionary<string, double>();
            foreach (var (s, end) in means.Select(m => (m, m.Name == "all" ? "" : "_" + m.Name))
                .Concat(classes.Select(c => (c, "/" + c.Name))))
            {
                values["PQ" + end] = s.Quality;
                values["SQ" + end] = s.Segmentation;
                values["RQ" + end] = s.Recognition;
            }
            var verdicts = Judge(gates, values);
            if (r.GetValue(json)) Output.Json(new { Images = reading.Quality.Images, Means = means, Classes = classes });
            else Output.Table(["", "PQ", "SQ", "RQ", "hits", "false", "missed"], means.Concat(classes)
                .Select(s
                    => new[] { s.Name, Text(s.Quality), Text(s.Segmentation), Text(s.Recognition), Text(s.Hits), Text(s.False),
                    Text(s.Missed) }));
            return DetectScoreOutput.Judge(verdicts);
        });
        return command.WithExamples(
            "cresset detect panoptic --gt panoptic_val2017.json --gt-folder panoptic_val2017/ --dt pred.json --dt-folder pred/");
    }

    private static Command Semantic()
    {
        var truth = File("--gt", "Folder of true PNG files: a class number for every pixel (grey or palette).", "FOLDER");
        var found = File("--dt", "Folder of predicted PNG files of the same names.", "FOLDER");
        var classes = File("--classes", "Class names: a text file with one per line, or a data.yaml.", "FILE");
        var ignored = new Option<int>("--ignore")
        {
            Description = "Number of true pixels that are not judged (negative: none).",
            DefaultValueFactory = _ => 255,
            HelpName = "N"
        };
        var (minima, json) = (Minima("mIoU=0.6, IoU/road=0.9"), SharedOptions.Json());
        var command = new Command("semantic", "Mean intersection over union of a class for every pixel.") { truth, found, classes, ignored,
            minima, json };
        command.SetAction(r =>
        {
            var gates = Gates(r.GetValue(minima));
            using var interruption = new Interruption("stopping.");
            var overlap = SemanticFolders.Score(r.GetValue(truth)!, r.GetValue(found)!, DetectFiles.NamesIn(r.GetValue(classes)!),
                r.GetValue(ignored), interruption.Token);
            var (statistics, each) = (overlap.Statistics(), overlap.Classes());
            var values = statistics.ToDictionary(s => s.Name, s => s.Value);
            foreach (var c in each)
            {
                values["IoU/" + c.Name] = c.Iou;
                values["Acc/" + c.Name] = c.Accuracy;
            }
            var verdicts = Judge(gates, values);
            if (r.GetValue(json))
            {
                Output.Json(new { overlap.Images, Statistics = statistics.ToDictionary(s => s.Name, s => s.Value), Classes = each });
            }
            else
            {
                Output.Table(["statistic", "value"], statistics.Select(s => new[] { s.Name, Text(s.Value) }));
                Output.Table(["class", "IoU", "accuracy", "pixels"],
                    each.Select(c => new[] { c.Name, Text(c.Iou), Text(c.Accuracy), Text(c.Pixels) }));
            }
            return DetectScoreOutput.Judge(verdicts);
        });
        return command.WithExamples("cresset detect semantic --gt masks/ --dt predicted/ --classes classes.txt --min mIoU=0.6");
    }

    private static Option<string> File(string name, string description, string help)
        => new(name) { Description = description, Required = true, HelpName = help };

    private static Option<string[]> Minima(string examples)
        => new("--min")
        {
            Description = $"Gate: exit code 3 when a number is lower ({examples}); may be repeated.",
            HelpName = "NAME=VALUE"
        };

    private static ScoreGate[] Gates(string[]? given) => [.. (given ?? []).Select(g => ScoreGate.Parse(g, isDrop: false))];

    private static GateVerdict[] Judge(ScoreGate[] gates, Dictionary<string, double> values)
        => [.. gates.Select(g => values.TryGetValue(g.Name, out var v)
        ? new GateVerdict(g, v, null, v >= g.Limit)
        : throw new ArgumentException(
            $"--min names '{g.Name}', which is not among {string.Join(", ", values.Keys.Take(12))}{(values.Count > 12 ? ", ..." : "")}."))];

    private static string Text(double value) => double.IsNaN(value) ? "-" : value.ToString("0.000000", CultureInfo.InvariantCulture);

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
