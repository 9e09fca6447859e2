using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Cresset.Cli.Terminal;
using Cresset.Native;
using TorchSharp;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset doctor</c>: what this machine offers and what is wrong with it.</summary>
internal static class DoctorCommand
{
    public const string Summary = "Check runtime, libtorch, processor, memory and disk, and say what is wrong.";

    public static Command Create()
    {
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var command = new Command("doctor", Summary) { runs, json };
        command.SetAction(result =>
        {
            var findings = Examine(result.GetValue(runs)!);
            if (result.GetValue(json)) Output.Json(findings);
            else
            {
                foreach (var f in findings) Console.Out.WriteLine($"{(f.Problem is null ? "ok " : f.Fatal ? "BAD" : "!  ")} {f.Subject,-12} {f.Found}{(f.Problem is null ? "" : Environment.NewLine + "    " + f.Problem)}");
            }
            return findings.Any(f => f.Fatal) ? ExitCode.Failure : ExitCode.Success;
        });
        return command.WithExamples("cresset doctor", "cresset doctor --json");
    }

    private sealed record Finding(string Subject, string Found, string? Problem = null, bool Fatal = false);

    private static List<Finding> Examine(string runs)
    {
        var findings = new List<Finding>
        {
            new("runtime", $"{RuntimeInformation.FrameworkDescription} on {RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}"),
            Processor(),
            Libtorch(),
            new("loading", NativeRuntime.LoadingStory),
            Allocator(),
            new("threads", NativeRuntime.Threading),
            new("convolutions", NativeRuntime.Convolutions),
            Memory(),
            Disk(runs),
        };
        return findings;
    }

    private static Finding Processor()
    {
        var features = CpuFeatures.Names;
        return new("processor", $"{Environment.ProcessorCount} threads, {(features.Count == 0 ? "no vector instructions known" : string.Join(" ", features))}", features.Contains("AVX2") || features.Contains("NEON") ? null : "Without AVX2 or NEON everything runs several times slower.");
    }

    private static Finding Libtorch()
    {
        try
        {
            var clock = Stopwatch.StartNew();
            using var scope = torch.NewDisposeScope();
            var sum = torch.ones(2, 2).mm(torch.ones(2, 2)).sum().ToDouble();
            var gpus = torch.cuda.is_available() ? $"{torch.cuda.device_count()} CUDA GPU(s)" : "no GPU in use";
            return new("libtorch", $"{torch.__version__} loaded in {clock.ElapsedMilliseconds} ms, {torch.get_num_threads()} threads, {gpus}", sum == 8 ? null : $"A 2x2 product came out as {sum} instead of 8.", sum != 8);
        }
        catch (Exception e) when (e is TypeInitializationException or DllNotFoundException or NotSupportedException)
        {
            return new("libtorch", "does not load", $"{(e.InnerException ?? e).Message} {NativeRuntime.LoadingStory}", Fatal: true);
        }
    }

    private static Finding Allocator()
    {
        var state = NativeRuntime.Allocator;
        var problem = OperatingSystem.IsLinux() && !state.Tuned ? "Large tensors are returned to the kernel after each use: convolutions and element-wise operations run up to several times slower." : null;
        return new("allocator", state.Reason, problem);
    }

    private static Finding Memory()
    {
        var info = GC.GetGCMemoryInfo();
        var total = info.TotalAvailableMemoryBytes;
        var free = AvailableMemory() ?? total - info.MemoryLoadBytes;
        return new("memory", $"{free / 1e9:0.0} GB free of {total / 1e9:0.0} GB", free < 1e9 ? "Less than 1 GB is free: training may be killed by the system. Close programs or lower trainer.batch_size." : null);
    }

    private static long? AvailableMemory()
    {
        if (!File.Exists("/proc/meminfo")) return null;
        var line = File.ReadLines("/proc/meminfo").FirstOrDefault(l => l.StartsWith("MemAvailable:", StringComparison.Ordinal));
        return line is null ? null : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) * 1024;
    }

    private static Finding Disk(string runs)
    {
        var folder = new DirectoryInfo(Path.GetFullPath(runs));
        while (!folder.Exists && folder.Parent is not null) folder = folder.Parent;
        var free = new DriveInfo(folder.FullName).AvailableFreeSpace;
        var probe = Path.Combine(folder.FullName, $".cresset-{Guid.NewGuid():N}");
        try
        {
            File.WriteAllText(probe, "");
            File.Delete(probe);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new("runs folder", folder.FullName, $"It cannot be written: {e.Message} Choose another with --runs.", Fatal: true);
        }
        return new("runs folder", $"{Path.GetFullPath(runs)}, {free / 1e9:0.0} GB free", free < 500e6 ? "Less than 0.5 GB is free: checkpoints may not fit." : null);
    }
}
