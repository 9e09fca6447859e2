using System.Diagnostics;
using Xunit;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>The samples and the code of the guides run to their end.</summary>
public sealed class SamplesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-samples-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void EverySampleRuns()
    {
        var program = Path.Combine(Repository.Root, "artifacts", "bin", "Cresset.Samples", new DirectoryInfo(AppContext.BaseDirectory).Name,
            OperatingSystem.IsWindows() ? "Cresset.Samples.exe" : "Cresset.Samples");
        var start = new ProcessStartInfo(program, "all")
        {
            WorkingDirectory = _folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        start.Environment["OMP_NUM_THREADS"] = "1";
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error.Result + output);
        Assert.Contains("Completed at step 200", output, StringComparison.Ordinal);
        Assert.All(new[] { "density.png", "loss.png", "values.png" },
            picture => Assert.True(new FileInfo(Path.Combine(_folder, picture)).Length > 1000, picture));
    }
}
