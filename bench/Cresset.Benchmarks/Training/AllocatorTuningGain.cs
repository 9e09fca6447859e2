using System.Diagnostics;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Training;

/// <summary>
/// A training step of a convolutional net with large activations, with and without the allocator tuning (child processes in turn).
/// </summary>
internal static class AllocatorTuningGain
{
    public static int Run(string[] args)
    {
        if (args is ["child"]) return Child();
        var rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 3;
        var tuned = new List<double>();
        var plain = new List<double>();
        for (var i = 0; i < rounds; i++)
        {
            plain.Add(Start("off"));
            tuned.Add(Start("on"));
        }
        Console.WriteLine($"conv net step (batch 32, 64 channels, 64x64), CPU ms, best of {rounds} alternating processes");
        Console.WriteLine($"untuned  {plain.Min():0.0}\ntuned    {tuned.Min():0.0}\nratio    {plain.Min() / tuned.Min():0.00}");
        return 0;
    }

    private static double Start(string allocator)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["allocator", "child"]) { RedirectStandardOutput = true };
        start.Environment["CRESSET_ALLOCATOR"] = allocator;
        using var process = Process.Start(start)!;
        var line = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return double.Parse(line, CultureInfo.InvariantCulture);
    }

    private static int Child()
    {
        using var net = nn.Sequential(nn.Conv2d(3, 64, 3, padding: 1), nn.GELU(), nn.Conv2d(64, 64, 3, padding: 1), nn.GELU(),
            nn.Conv2d(64, 3, 3, padding: 1));
        using var x = randn(32, 3, 64, 64);
        void Step()
        {
            using var scope = NewDisposeScope();
            net.call(x).square().mean().backward();
            net.zero_grad();
        }
        for (var i = 0; i < 2; i++) Step();
        var best = double.PositiveInfinity;
        for (var i = 0; i < 6; i++)
        {
            var before = Process.GetCurrentProcess().TotalProcessorTime;
            Step();
            best = Math.Min(best, (Process.GetCurrentProcess().TotalProcessorTime - before).TotalMilliseconds);
        }
        Console.WriteLine(best.ToString("R", CultureInfo.InvariantCulture));
        return 0;
    }
}
