using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Detection;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset detect check</c>: every fault of a file, counted by kind, with a repaired copy on request.</summary>
internal static class DetectCheckCommand
{
    public static Command Create()
    {
        var truth = DetectCommand.Truth();
        var results = new Option<string?>("--dt") { Description = "Also check these detections.", HelpName = "FILE" };
        var limit = new Option<int>("--limit", "-n")
        {
            Description = "Examples shown of each kind.",
            DefaultValueFactory = _ => 3,
            HelpName = "N"
        };
        var repair = new Option<string?>("--repair")
        {
            Description = "Write a copy (COCO) of the ground truth without its faults.",
            HelpName = "FILE"
        };
        Option<string?> classes = DetectCommand.Classes(), images = DetectCommand.Images();
        var formats = new DetectFormatOptions();
        var json = SharedOptions.Json();
        var command = new Command("check", "List all faults of a data set, counted by kind.") { truth, results, limit, repair, classes,
            images };
        formats.AddTo(command);
        command.Add(json);
        command.SetAction(r =>
        {
            if (r.GetValue(limit) < 1) throw new ArgumentException($"--limit is {r.GetValue(limit)}; allowed: 1 or more.");
            using var interruption = new Interruption("stopping.");
            var files = new DetectFiles(true, RecordParts.All, r.GetValue(classes), r.GetValue(images), examples: r.GetValue(limit));
            var path = r.GetValue(truth)!;
            var dataset = files.Truth(path, formats.Truth(r, path), interruption.Token);
            var found = r.GetValue(results) is { } dt
                ? files.Results(dt, dataset, formats.Results(r, dt), interruption.Token).Items.Length : (int?)null;
            var content = DatasetCheck.Run(dataset, r.GetValue(limit));
            var report = files.Report;
            string[] fixes = [];
            if (r.GetValue(repair) is { } copy)
            {
                var (repaired, done) = DatasetCheck.Repair(dataset);
                fixes = [.. done];
                CocoFormat.WriteGroundTruth(repaired, copy);
            }
            var faults = report.Counts.Where(c => c.Key < DataProblemKind.AssumedArea)
                .Sum(c => c.Value) + content.Sum(c => c.IsFault ? c.Count : 0);
            if (r.GetValue(json))
            {
                Output.Json(new
                {
                    Images = dataset.Images.Count,
                    Objects = dataset.Objects.Length,
                    Detections = found,
                    Reading = report.Counts.Select(c
                        => new
                        {
                            Kind = c.Key,
                            Count = c.Value,
                            IsFault = c.Key < DataProblemKind.AssumedArea,
                            Examples = report.Examples.Where(e => e.Kind == c.Key).Select(e => e.ToString())
                        }),
                    Content = content,
                    Repairs = fixes,
                });
                return faults > 0 ? ExitCode.Failure : ExitCode.Success;
            }
            Console.Out.WriteLine(
                string.Create(CultureInfo.InvariantCulture,
                $"{dataset.Images.Count} images, {dataset.Objects.Length} objects, {dataset.Categories.Count} "
                    + $"classes{(found is null ? "" : $", {found} detections")}: {(faults == 0 ? "no fault" : faults + " faults")}"));
            foreach (var (kind, count) in report.Counts) Show(kind < DataProblemKind.AssumedArea ? "fault" : "note", count,
                kind.ToString(), report.Examples.Where(e => e.Kind == kind).Select(e => e.ToString()));
            foreach (var c in content) Show(c.IsFault ? "fault" : "note", c.Count, c.What, c.Examples);
            foreach (var fix in fixes) Console.Out.WriteLine($"repaired: {fix}");
            if (r.GetValue(repair) is { } written) Console.Out.WriteLine($"written: {written}");
            return faults > 0 ? ExitCode.Failure : ExitCode.Success;
        });
        return command.WithExamples("cresset detect check --gt instances.json",
            "cresset detect check --gt instances.json --dt results.json --repair fixed.json");
    }

    private static void Show(string what, int count, string kind, IEnumerable<string> examples)
    {
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {what}: {count} times {kind}"));
        foreach (var e in examples) Console.Out.WriteLine($"    {e}");
    }
}
