using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Cresset.Cli.Libtorch;
using Cresset.Cli.Terminal;
using Cresset.Native;
using Cresset.Native.Loading;
using TorchSharp;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset doctor</c>: what this machine offers and what is wrong with it.</summary>
internal static class DoctorCommand
{
    public const string Summary = "Check runtime, native libraries, processor, memory and disk, and say what is missing or wrong.";

    public static Command Create()
    {
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var fetch = new Option<bool>("--fetch")
        {
            Description = "Fetch libtorch now if it is not there, instead of when a command first needs it."
        };
        var command = new Command("doctor", Summary) { runs, fetch, json };
        command.SetAction(result =>
        {
            if (result.GetValue(fetch) && LibtorchFolders.Locate(null) is null) LibtorchStore.FolderOrFetch();
            var findings = Examine(result.GetValue(runs)!);
            if (result.GetValue(json)) Output.Json(findings);
            else
            {
                foreach (var f in findings)
                    Console.Out.WriteLine(
                        $"{(f.Problem is null ? "ok " : f.Fatal ? "BAD" : "!  ")} {f.Subject,-12} "
                            + $"{f.Found}{(f.Problem is null ? "" : Environment.NewLine + "    " + f.Problem)}");
            }
            return findings.Any(f => f.Fatal) ? ExitCode.Failure : ExitCode.Success;
        });
        return command.WithExamples("cresset doctor", "cresset doctor --fetch", "cresset doctor --json");
    }

    private sealed record Finding(string Subject, string Found, string? Problem = null, bool Fatal = false);

    private static List<Finding> Examine(string runs)
    {
        var findings = new List<Finding>
        {
            new("runtime",
                $"{RuntimeInformation.FrameworkDescription} on {RuntimeInformation.OSDescription}, "
                    + $"{RuntimeInformation.ProcessArchitecture}"),
            Processor(),
            Libtorch(),
            new("loading", NativeRuntime.LoadingStory),
            NativeLibraryOf("pictures", () => $"Skia {SkiaSharp.SkiaSharpVersion.Native.Major}"),
            NativeLibraryOf("store", () => "SQLite " + new Microsoft.Data.Sqlite.SqliteConnection("Data Source=:memory:").ServerVersion),
            NativeLibraryOf("onnx", () => "ONNX Runtime " + Microsoft.ML.OnnxRuntime.OrtEnv.Instance().GetVersionString()),
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
        return new("processor",
            $"{Environment.ProcessorCount} threads, {(features.Count == 0 ? "no vector instructions known" : string.Join(" ", features))}",
            features.Contains("AVX2") || features.Contains("NEON") ? null : "Without AVX2 or NEON everything runs several times slower.");
    }

    private static Finding Libtorch()
    {
        try
        {
            // Asking for a tensor would fetch it; this verb only looks.
            if (LibtorchFolders.Locate(() => LibtorchPackage.ForThisSystem is { } known ? LibtorchStore.Installed(known) : null) is null)
                return NotThere();
            var clock = Stopwatch.StartNew();
            using var scope = torch.NewDisposeScope();
            var sum = torch.ones(2, 2).mm(torch.ones(2, 2)).sum().ToDouble();
            var gpus = torch.cuda.is_available() ? $"{torch.cuda.device_count()} CUDA GPU(s)" : "no GPU in use";
            return new("libtorch",
                $"{torch.__version__} loaded in {clock.ElapsedMilliseconds} ms, {torch.get_num_threads()} threads, {gpus}",
                sum == 8 ? Unheard() : $"A 2x2 product came out as {sum} instead of 8.", sum != 8);
        }
        catch (Exception e) when (e is TypeInitializationException or DllNotFoundException or NotSupportedException)
        {
            return new("libtorch", "does not load",
                TorchLibraryResolver.Failure?.Message ?? (e.InnerException ?? e).Message.ReplaceLineEndings(" "), Fatal: true);
        }
    }

    // The program's own comes first, and whoever set the variable should know.
    private static string? Unheard()
        => LibtorchFolders.Find(LibtorchPackage.MainFile) is not null
            && Environment.GetEnvironmentVariable(LibtorchFolders.Variable) is { Length: > 0 } named
            ? $"{LibtorchFolders.Variable} is '{named}', which is not looked at: this program carries its own libtorch." : null;

    private static Finding NotThere()
    {
        if (LibtorchPackage.ForThisSystem is not { } package)
            return new("libtorch", "none for this system", LibtorchPackage.Advice, Fatal: true);
        var size = $"{package.Id} {LibtorchPackage.Version}, {package.DownloadBytes / 1e6:0} MB";
        return LibtorchStore.MayFetch
            ? new("libtorch", "not there yet",
                $"Fetched from your NuGet sources when a command first needs it ({size}); now: cresset doctor --fetch")
            : new("libtorch", "not there", $"{LibtorchStore.FetchVariable}=off forbids to fetch it ({size}). {LibtorchPackage.Advice}",
                Fatal: true);
    }

    // Each brings its library for some systems and not for others.
    private static Finding NativeLibraryOf(string subject, Func<string> ask)
    {
        try
        {
            return new(subject, ask());
        }
        catch (Exception e) when (e is TypeInitializationException or DllNotFoundException or EntryPointNotFoundException
            or BadImageFormatException or InvalidOperationException)
        {
            return new(subject, "does not load",
                $"{(e.InnerException ?? e).Message.ReplaceLineEndings(" ")} Is there a native library for {LibtorchPackage.ThisSystem} in "
                    + $"its package?", Fatal: true);
        }
    }

    private static Finding Allocator()
    {
        var state = NativeRuntime.Allocator;
        var problem = OperatingSystem.IsLinux() && !state.Tuned
            ? "Large tensors are returned to the kernel after each use: convolutions and element-wise operations run up to several times "
                + "slower." : null;
        return new("allocator", state.Reason, problem);
    }

    private static Finding Memory()
    {
        var info = GC.GetGCMemoryInfo();
        var total = info.TotalAvailableMemoryBytes;
        var free = AvailableMemory() ?? total - info.MemoryLoadBytes;
        return new("memory", $"{free / 1e9:0.0} GB free of {total / 1e9:0.0} GB",
            free < 1e9 ? "Less than 1 GB is free: training may be killed by the system. Close programs or lower trainer.batch_size."
                : null);
    }

    private static long? AvailableMemory()
    {
        if (!File.Exists("/proc/meminfo")) return null;
        var line = File.ReadLines("/proc/meminfo").FirstOrDefault(l => l.StartsWith("MemAvailable:", StringComparison.Ordinal));
        return line is null ? null
            : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture)
                * 1024;
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
        return new("runs folder", $"{Path.GetFullPath(runs)}, {free / 1e9:0.0} GB free",
            free < 500e6 ? "Less than 0.5 GB is free: checkpoints may not fit." : null);
    }
}
