using System.Diagnostics;
using System.Globalization;
using Cresset.Flows;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Flows;

/// <summary>
/// Memory that a gradient step of Glow needs above parameters and gradients, by depth, with activations kept and with activations won back
/// by inversion. Each figure comes from a process of its own: the highest resident memory of a step of batch 64, less that after a step of
/// batch 1.
/// </summary>
internal static class FlowMemory
{
    public static int Run(string[] args)
    {
        if (args.Length == 2) return One(int.Parse(args[0], CultureInfo.InvariantCulture), args[1] == "inverted");
        foreach (var mode in new[] { "kept", "inverted" })
        {
            foreach (var steps in new[] { 4, 8, 16, 32 })
            {
                var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
                if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
                    start.ArgumentList.Add(typeof(FlowMemory).Assembly.Location);
                foreach (var argument in new[] { "flow-memory", steps.ToString(CultureInfo.InvariantCulture), mode })
                    start.ArgumentList.Add(argument);
                using var process = Process.Start(start)!;
                Console.WriteLine(
                    $"Glow K={steps,-2} L=3, width 128, 32x32x3, batch 64, activations {mode,-8}: "
                        + $"{process.StandardOutput.ReadToEnd().Trim()} MB");
                process.WaitForExit();
            }
        }
        return 0;
    }

    private static int One(int steps, bool recompute)
    {
        using var glow = new Glow(new GlowOptions { Steps = steps, Levels = 3, Width = 128, RecomputeActivations = recompute });
        void Step(int batch)
        {
            using var scope = NewDisposeScope();
            foreach (var parameter in glow.parameters()) parameter.grad?.zero_();
            glow.Loss(rand(batch, 3, 32, 32)).backward();
        }
        Step(2);
        Step(1);
        // Resets the high-water mark (Linux).
        File.WriteAllText("/proc/self/clear_refs", "5");
        var before = Read("VmRSS");
        Step(64);
        Console.WriteLine((Read("VmHWM") - before).ToString("0", CultureInfo.InvariantCulture));
        return 0;
    }

    private static double Read(string field)
        => double.Parse(
            File.ReadLines("/proc/self/status").First(l => l.StartsWith(field, StringComparison.Ordinal))
                .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1].Trim(), CultureInfo.InvariantCulture) / 1024;
}
