using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Detection;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset detect compare</c>: two models on the same images, with significance.</summary>
internal static class DetectCompareCommand
{
    public static Command Create()
    {
        Option<string> truth = DetectCommand.Truth(), first = DetectCommand.Results("--a"), second = DetectCommand.Results("--b");
        Option<bool> lenient = DetectCommand.Lenient(), json = SharedOptions.Json();
        var resamples = new Option<int>("--resamples")
        {
            Description = "Number of resamples.",
            DefaultValueFactory = _ => 1000,
            HelpName = "N"
        };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the resamples.", DefaultValueFactory = _ => 1UL };
        Option<string?> classes = DetectCommand.Classes(), images = DetectCommand.Images();
        var empty = DetectCommand.AllowEmpty();
        var protocol = new DetectProtocolOptions();
        var formats = new DetectFormatOptions();
        var command = new Command("compare",
            "Compare two files of detections: paired intervals and permutation test over images.") { truth, first, second, resamples,
            seed, classes, images, lenient, empty, json };
        protocol.AddTo(command);
        formats.AddTo(command);
        command.SetAction(r =>
        {
            var options = protocol.Read(r);
            using var interruption = new Interruption("stopping.");
            var files = new DetectFiles(r.GetValue(lenient), DetectFiles.PartsOf(options.Kind), r.GetValue(classes), r.GetValue(images));
            var dataset = files.Truth(r.GetValue(truth)!, formats.Truth(r, r.GetValue(truth)!), interruption.Token);
            if (protocol.IsCrowdPose(r)) dataset = CrowdPose.WithAreas(dataset);
            options = DetectProtocolOptions.WithSigmasOf(options, dataset);
            ProtocolResult Score(string path)
            {
                var detections = files.Results(path, dataset, formats.Results(r, path), interruption.Token);
                files.RequireMeeting(dataset, detections, path, r.GetValue(empty), options.ClassAgnostic || options.Hierarchy is not null);
                return ProtocolEvaluator.Evaluate(dataset, detections, options, null, interruption.Token);
            }
            ProtocolResult a = Score(r.GetValue(first)!), b = Score(r.GetValue(second)!);
            var differences = Bootstrap.Compare(a, b,
                new ResamplingOptions { Resamples = r.GetValue(resamples), Seed = r.GetValue(seed), Threads = options.Threads },
                interruption.Token);
            if (r.GetValue(json)) Output.Json(differences);
            else Output.Table(["statistic", "a", "b", "b - a", "95 % interval", "p", "P(b better)"],
                differences.Select(d
                => new[] { d.Name, Text(d.First), Text(d.Second), Signed(d.Difference), $"{Signed(d.Low)} to {Signed(d.High)}",
                Text(d.PValue), Text(d.ProbabilitySecondBetter) }));
            return ExitCode.Success;
        });
        return command.WithExamples("cresset detect compare --gt gt.json --a old.json --b new.json",
            "cresset detect compare --gt gt.json --a old.json --b new.json --protocol voc10 --resamples 300");
    }

    private static string Text(double value) => double.IsNaN(value) ? "-" : value.ToString("0.0000", CultureInfo.InvariantCulture);

    private static string Signed(double value)
        => double.IsNaN(value) ? "-" : value.ToString("+0.0000;-0.0000;0.0000", CultureInfo.InvariantCulture);
}
