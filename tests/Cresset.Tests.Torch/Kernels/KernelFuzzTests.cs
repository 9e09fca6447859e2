using System.Diagnostics;
using System.Globalization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Kernels;

/// <summary>
/// Kernels between guard pages. The cases run in a process of their own that writes each down before it runs it, so that one that ends the
/// process is known. <c>CRESSET_TEST_KERNEL_CASES</c> sets how many (tests/long/kernel-fuzz.sh runs 100,000),
/// <c>CRESSET_TEST_KERNEL_FIRST</c> where to go on.
/// </summary>
public sealed class KernelFuzzTests
{
    private const string ChildVariable = "CRESSET_TEST_KERNEL_FILE", CountVariable = "CRESSET_TEST_KERNEL_CASES",
        SeedVariable = "CRESSET_TEST_KERNEL_SEED", FirstVariable = "CRESSET_TEST_KERNEL_FIRST";

    [Fact]
    public void NoKernelReadsOrWritesBesideItsTensors()
    {
        if (!OperatingSystem.IsLinux()) return;
        if (Environment.GetEnvironmentVariable(ChildVariable) is { } report)
        {
            RunCases(report);
            return;
        }
        var file = Path.GetTempFileName();
        try
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!,
                ["--filter-method", "*." + nameof(NoKernelReadsOrWritesBesideItsTensors)])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true
            };
            start.Environment[ChildVariable] = file;
            // The many small tensors of a case do not pay for more threads; a second still takes part in every split.
            start.Environment["OMP_NUM_THREADS"] = "2";
            using var child = Process.Start(start)!;
            var error = child.StandardError.ReadToEndAsync();
            var output = child.StandardOutput.ReadToEnd();
            child.WaitForExit();
            var lines = File.ReadAllLines(file);
            var last = lines.Length > 0 ? lines[^1] : "none";
            Assert.True(child.ExitCode == 0, $"The process ended with {child.ExitCode}; its last case: {last}\n{output}\n{error.Result}");
            Assert.Equal("done", last);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>The guard itself: a read behind the last element must not go unseen.</summary>
    [Fact]
    public void TensorsLieAgainstTheGuard()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        using var memory = new GuardedTensors(new Random(1));
        var ends = 0;
        for (var i = 1; i <= 40; i++)
        {
            var t = memory.MakeDense(ScalarType.Float32, i);
            var place = Cresset.Tensors.TensorIdentity.Place(t);
            if ((place + (4 * i)) % 4096 == 0 || place % 4096 == 0) ends++;
            Assert.True(t.abs().max().ToDouble() <= 3);
        }
        Assert.Equal(40, ends);
    }

    private static void RunCases(string report)
    {
        var cases = Number(CountVariable, 1500);
        var seed = Number(SeedVariable, 1);
        using var file = new StreamWriter(report) { AutoFlush = true };
        for (var i = Number(FirstVariable, 0); i < cases; i++)
        {
            var (name, run) = KernelCases.All[i % KernelCases.All.Count];
            file.WriteLine($"case {i} of seed {seed}: {name}");
            using var scope = NewDisposeScope();
            var random = new Random(unchecked((seed * 1_000_003) + i));
            using var memory = new GuardedTensors(random);
            try
            {
                run(new KernelCases(random, memory));
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"case {i} of seed {seed}, {name}: {e.Message}", e);
            }
            scope.DisposeEverything();
        }
        file.WriteLine("done");
    }

    private static int Number(string variable, int otherwise)
        => Environment.GetEnvironmentVariable(variable) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
