using System.Diagnostics;
using System.Globalization;
using Cresset.Benchmarks.Peers;
using Cresset.Detection;

namespace Cresset.Benchmarks.Detection;

/// <summary>
/// From two JSON files to the twelve statistics, cold: <c>detection-score GT DT [threads]</c>; without files the synthetic set of
/// <c>--images N</c> (5,000) is made first in the temporary folder. <c>--memory GT DT</c> times what is already in memory, <c>--bootstrap
/// GT DT</c> 1,000 resamples, <c>--protocols GT DT</c> the comparison of all protocols, <c>--masks N</c> masks of N images, <c>--stream
/// N</c> N images of Objects365's kind one by one, <c>--make GT DT N</c> only writes the set.
/// </summary>
internal static class ScoreCocoSet
{
    public static int Run(string[] args)
    {
        var images = args is ["--images", var n, ..] ? int.Parse(n, CultureInfo.InvariantCulture) : 5000;
        if (args is ["--make", var truthPath, var resultPath, var count])
        {
            var made = new SyntheticCocoSet();
            made.Write(truthPath, resultPath, int.Parse(count, CultureInfo.InvariantCulture));
            Console.WriteLine(
                $"{made.Objects} objects, {made.Detections} detections, sum of scores {made.SumOfScores:R}, state 0x{made.State:x}");
            return 0;
        }
        if (args is ["--memory", var memoryTruth, var memoryResults]) return InMemory(memoryTruth, memoryResults);
        if (args is ["--stream", var streamed]) return StreamedImages.Run(int.Parse(streamed, CultureInfo.InvariantCulture));
        if (args is ["--masks", var masks]) return SyntheticMasks.Run(int.Parse(masks, CultureInfo.InvariantCulture));
        if (args is ["--protocols", var protocolTruth, var protocolResults]) return Protocols(protocolTruth, protocolResults);
        if (args is ["--bootstrap", var bootTruth, var bootResults]) return Resample(bootTruth, bootResults);
        if (args.Length >= 2 && args[0] != "--images") return Score(args[0], args[1], args.Length > 2
            ? int.Parse(args[2], CultureInfo.InvariantCulture) : 0);
        var truth = Path.Combine(Path.GetTempPath(), $"cresset-coco-{images}.gt.json");
        var results = Path.Combine(Path.GetTempPath(), $"cresset-coco-{images}.dt.json");
        new SyntheticCocoSet().Write(truth, results, images);
        var before = Process.GetCurrentProcess().TotalProcessorTime;
        Score(truth, results, 0);
        var ours = (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds;
        if (PeerPython.Of(args, 2)?.Lines("detection_pycocotools.py", truth, results)[^1] is { } answer)
        {
            Console.WriteLine("pycocotools " + answer);
            using var document = System.Text.Json.JsonDocument.Parse(answer);
            double Part(string name) => document.RootElement.GetProperty(name).GetDouble();
            ResultRow.Less($"COCO boxes of {images} pictures", ours, Part("load") + Part("evaluate") + Part("accumulate"),
                "s of processor time");
        }
        return 0;
    }

    private static int InMemory(string truthPath, string resultPath)
    {
        var options = new ReadOptions { Parts = RecordParts.Boxes };
        var truth = CocoFormat.ReadGroundTruth(truthPath, options);
        var results = CocoFormat.ReadResults(resultPath, truth, options);
        for (var i = 0; i < 6; i++)
        {
            var clock = Stopwatch.StartNew();
            var start = Process.GetCurrentProcess().TotalProcessorTime;
            CocoEvaluator.Evaluate(truth, results);
            Console.WriteLine(
                $"pass {i}: CPU {(Process.GetCurrentProcess().TotalProcessorTime - start).TotalSeconds:F3} s, wall "
                    + $"{clock.Elapsed.TotalSeconds:F3} s for {truth.Images.Count} images");
        }
        return 0;
    }

    private static int Resample(string truthPath, string resultPath)
    {
        var truth = CocoFormat.ReadGroundTruth(truthPath);
        var result = CocoEvaluator.Evaluate(truth, CocoFormat.ReadResults(resultPath, truth));
        var start = Process.GetCurrentProcess().TotalProcessorTime;
        var clock = Stopwatch.StartNew();
        foreach (var i in Bootstrap.Intervals(result)) Console.WriteLine($"{i.Name,-6} {i.Value:F4} [{i.Low:F4}, {i.High:F4}]");
        Console.WriteLine(
            $"1000 resamples: CPU {(Process.GetCurrentProcess().TotalProcessorTime - start).TotalSeconds:F2} s, wall "
                + $"{clock.Elapsed.TotalSeconds:F2} s");
        return 0;
    }

    private static int Protocols(string truthPath, string resultPath)
    {
        var options = new ReadOptions { Parts = RecordParts.Boxes };
        var truth = CocoFormat.ReadGroundTruth(truthPath, options);
        var results = CocoFormat.ReadResults(resultPath, truth, options);
        var read = Process.GetCurrentProcess().TotalProcessorTime;
        foreach (var c in ProtocolComparison.Run(truth, results)) Console.WriteLine(
            $"{c.Protocol,-12} {c.MeanAp:F6} {c.Rules.Count} rules");
        Console.WriteLine(
            $"start and parse: CPU {read.TotalSeconds:F2} s; all protocols: CPU "
                + $"{(Process.GetCurrentProcess().TotalProcessorTime - read).TotalSeconds:F2} s");
        return 0;
    }

    private static int Score(string truthPath, string resultPath, int threads)
    {
        var clock = Stopwatch.StartNew();
        TimeSpan Cpu() => Process.GetCurrentProcess().TotalProcessorTime;
        var start = Cpu();
        var options = new ReadOptions { Parts = RecordParts.Boxes };
        var truth = CocoFormat.ReadGroundTruth(truthPath, options);
        var results = CocoFormat.ReadResults(resultPath, truth, options);
        var (parsed, parseWall) = (Cpu(), clock.Elapsed);
        var evaluator = CocoEvaluator.FromDataset(truth, results, new CocoOptions { Threads = threads });
        var (matched, matchWall) = (Cpu(), clock.Elapsed);
        var result = evaluator.Compute();
        var (done, doneWall) = (Cpu(), clock.Elapsed);
        for (var i = 0; i < result.Stats.Count; i++) Console.WriteLine($"{result.StatNames[i],-6} {result.Stats[i]:R}");
        Console.WriteLine(
            $"CPU s: start {start.TotalSeconds:F3}  parse {(parsed - start).TotalSeconds:F3}  match {(matched - parsed).TotalSeconds:F3}  "
                + $"accumulate {(done - matched).TotalSeconds:F3}  whole process {done.TotalSeconds:F3}");
        Console.WriteLine(
            $"wall s: parse {parseWall.TotalSeconds:F3}  match {(matchWall - parseWall).TotalSeconds:F3}  accumulate "
                + $"{(doneWall - matchWall).TotalSeconds:F3}  peak memory {Process.GetCurrentProcess().PeakWorkingSet64 / 1e6:F0} MB");
        return 0;
    }
}
