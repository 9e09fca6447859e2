using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Detection;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset detect eval</c>: the numbers of one protocol, with reports, gates and pictures on request.</summary>
internal static class DetectEvalCommand
{
    private const int FewestResamples = 10;

    public static Command Create()
    {
        Option<string> truth = DetectCommand.Truth(), results = DetectCommand.Results();
        Option<bool> lenient = DetectCommand.Lenient(), json = SharedOptions.Json(), empty = DetectCommand.AllowEmpty();
        var perClass = new Option<bool>("--per-class") { Description = "Also a table of all classes." };
        var report = new Option<string[]>("--report")
        {
            Description =
                "Write a report: .html (needs no other file), .json (also a baseline) or .md (for a pull request); may be repeated.",
            HelpName = "FILE",
        };
        var junit = new Option<string?>("--junit") { Description = "Write the gates as JUnit XML.", HelpName = "FILE" };
        var pictures = new Option<string?>("--pictures")
        {
            Description = "Write curves, confusion and errors as PNG.",
            HelpName = "FOLDER"
        };
        var resamples = new Option<int>("--bootstrap")
        {
            Description = "Resamples for 95 % intervals (0: none).",
            DefaultValueFactory = _
            => 0,
            HelpName = "N"
        };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the resamples.", DefaultValueFactory = _ => 1UL };
        var minima = new Option<string[]>("--min")
        {
            Description =
                "Gate: exit code 3 when a statistic, or a number of a class, is lower (AP=0.5, AP50/person=0.7); may be repeated.",
            HelpName = "NAME=VALUE",
        };
        var drops = new Option<string[]>(
            "--max-drop")
        {
            Description = "Gate: exit code 3 when a number is this much below the baseline (AP=0.005); may be repeated.",
            HelpName = "NAME=LOSS"
        };
        var baseline = new Option<string?>("--baseline") { Description = "JSON of an earlier score to compare with.", HelpName = "FILE" };
        Option<string?> classes = DetectCommand.Classes(), images = DetectCommand.Images();
        var protocol = new DetectProtocolOptions();
        var subset = new DetectSubsetOptions();
        var formats = new DetectFormatOptions();
        var command = new Command("eval", "Score one file of detections.") { truth, results };
        protocol.AddTo(command);
        subset.AddTo(command);
        Option[] others = [perClass, report, junit, pictures, resamples, seed, classes, images, lenient, empty, minima, drops, baseline,
            json];
        foreach (var option in others) command.Add(option);
        formats.AddTo(command);
        command.SetAction(r => RankedWork.Run(ranks =>
        {
            var options = protocol.Read(r);
            var reports = r.GetValue(report) ?? [];
            foreach (var name in reports) RequireKnownReport(name);
            if (r.GetValue(resamples) is not 0 and < FewestResamples) throw new ArgumentException(
                $"--bootstrap is {r.GetValue(resamples)}; allowed: 0 (none), or at least {FewestResamples}; fewer say nothing of an "
                    + $"interval.");
            ScoreGate[] gates = [.. (r.GetValue(minima) ?? []).Select(g => ScoreGate.Parse(g, isDrop: false)),
                .. (r.GetValue(drops) ?? []).Select(g => ScoreGate.Parse(g, isDrop: true))];
            var before = r.GetValue(baseline) is { } b ? ScoreSummary.Read(b) : null;
            using var interruption = new Interruption("stopping.");
            var files = new DetectFiles(r.GetValue(lenient), DetectFiles.PartsOf(options.Kind), r.GetValue(classes),
                r.GetValue(images))
            { Threads = options.Threads };
            var dataset = files.Truth(r.GetValue(truth)!, formats.Truth(r, r.GetValue(truth)!), interruption.Token);
            var detections = files.Results(r.GetValue(results)!, dataset, formats.Results(r, r.GetValue(results)!), interruption.Token);
            (dataset, detections) = subset.Apply(r, dataset, detections);
            if (protocol.IsCrowdPose(r)) dataset = CrowdPose.WithAreas(dataset);
            files.RequireMeeting(dataset, detections, r.GetValue(results)!, r.GetValue(empty), options.ClassAgnostic
                || options.Hierarchy is not null);
            options = DetectProtocolOptions.WithSigmasOf(options, dataset);
            var needsReport = r.GetValue(pictures) is not null || r.GetValue(resamples) > 0
                || reports.Any(n => Has(n, ".html") || Has(n, ".json"));
            // A report looks at every pair: rank 0 makes it alone.
            if (needsReport && ranks.Rank > 0) return ExitCode.Success;
            var made = needsReport
                ? DetectionReport.Create(dataset, detections,
                new DetectionReportOptions
                {
                    Protocol = options,
                    Resamples = r.GetValue(resamples),
                    Seed = r.GetValue(seed),
                    ImageFolder = r.GetValue(images)
                }, null, interruption.Token) : null;
            var result = made?.Protocol ?? DetectRanks.Evaluate(ranks, dataset, detections, options, interruption.Token);
            if (ranks.Rank > 0) return ExitCode.Success;
            var score = made?.Summary ?? ScoreSummary.Of(result, options, dataset, detections);
            DetectFiles.RequireDefined(score, dataset, r.GetValue(empty));
            var verdicts = ScoreGates.Judge(score, gates, before);
            foreach (var path in reports)
            {
                if (Has(path, ".md")) Cresset.Numerics.AtomicFile.WriteText(path, MarkdownReport.Make(score, verdicts, before));
                else if (Has(path, ".json")) made!.WriteJson(path);
                else made!.WriteHtml(path);
            }
            if (r.GetValue(junit) is { } xml) JUnitReport.Write(xml, score, verdicts);
            if (r.GetValue(pictures) is { } folder) DetectPictures.Write(made!, folder);
            var output = new DetectScoreOutput(score, result, before);
            var slices = subset.Slices(r, dataset, detections, options, interruption.Token);
            if (protocol.IsCrowdPose(r) && CrowdPose.Levels(dataset) is { } levels)
            {
                slices = [.. slices, .. DetectSubsetOptions.Slices("crowdIndex", levels, dataset, detections, options, interruption.Token)];
            }
            if (r.GetValue(json)) output.Json(slices);
            else output.Print(r.GetValue(perClass), [.. reports, .. new[] { r.GetValue(junit), r.GetValue(pictures) }.OfType<string>()]);
            if (!r.GetValue(json)) DetectSubsetOptions.Print(slices, dataset, score);
            return DetectScoreOutput.Judge(verdicts);
        }));
        return command.WithExamples(
            "cresset detect eval --gt instances_val2017.json --dt results.json",
            "cresset detect eval --gt Annotations/ --dt results/ --protocol voc10 --iou 0.5",
            "cresset detect eval --gt gt.json --dt dt.json --min AP=0.5 --max-drop AP=0.005 --baseline base.json --report score.md",
            "cresset detect eval --gt gt.json --dt dt.json --iou-type segm --report report.html --bootstrap 1000");
    }

    private static bool Has(string path, string extension) => path.EndsWith(extension, StringComparison.OrdinalIgnoreCase);

    private static void RequireKnownReport(string name)
    {
        if (!Has(name, ".json") && !Has(name, ".html")
            && !Has(name, ".md")) throw new ArgumentException($"--report is '{name}'; a report is written as .html, .json or .md.");
    }
}
