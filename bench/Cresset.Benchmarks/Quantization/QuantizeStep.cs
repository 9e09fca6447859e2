using System.Diagnostics;
using System.Globalization;
using Cresset.Benchmarks.Peers;
using Cresset.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Quantization;

/// <summary>
/// Forward, moving-average update and input gradient of one codebook, against vector-quantize-pytorch in the same run.
/// Both times are processor time (user and system) and wall time of the best of several rounds. Memory is the rise of the resident peak
/// from before the first full-sized step to the end of the last, after a warm-up on a small batch; for us the results themselves are also
/// taken off.
/// </summary>
internal static class QuantizeStep
{
    public static int Run(string[] args)
    {
        foreach (var (count, codes) in new[] { (65536, 1024), (16384, 8192) })
        {
            var ours = Measure(count, codes, rounds: 7);
            Print($"cresset N={count} K={codes}", ours.Wall, ours.Cpu, ours.Megabytes);
            var flops = 2.0 * count * codes * 64;
            Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture,
                    $"  one product takes {flops / 1e9:F1} GFLOP: {flops / ours.Wall / 1e6:F0} GFLOP/s by wall time, "
                        + $"{flops / ours.Cpu / 1e6:F0} a core by processor time"));
            foreach (var peer in PeerPython.Of(args, 0)?.Figures("vq_quantize.py", count, codes) ?? [])
            {
                Console.WriteLine(
                    string.Create(CultureInfo.InvariantCulture, $"{peer.Name}: {peer.Milliseconds:F0} ms, +{peer.Megabytes:F0} MB"));
                var isWall = peer.Name.EndsWith("wall", StringComparison.Ordinal);
                if (isWall)
                    ResultRow.Less($"vector quantizer, {count} vectors, {codes} codes", ours.Wall, peer.Milliseconds, "ms");
                if (isWall)
                    Console.WriteLine(
                        string.Create(CultureInfo.InvariantCulture,
                            $"  ratio by wall time {peer.Milliseconds / ours.Wall:F1}, memory {ours.Megabytes:F0} MB against "
                                + $"{peer.Megabytes:F0} MB"));
                else Console.WriteLine(
                    string.Create(CultureInfo.InvariantCulture, $"  ratio by processor time {peer.Milliseconds / ours.Cpu:F1}"));
            }
        }
        return 0;
    }

    private static (double Wall, double Cpu, double Megabytes) Measure(int count, int codes, int rounds)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        using var quantizer = new VectorQuantizer(new() { Codebook = new() { Size = codes, RestartShare = 0 } }, generator);
        using (var start = randn([codes, 64], generator: generator)) quantizer.Codebook.SetCodes(start);
        var input = randn([count, 64], generator: generator).requires_grad_();
        var upstream = randn([count, 64], generator: generator);
        double wall = double.MaxValue, cpu = double.MaxValue;
        using (var small = randn([256, 64], generator: generator).requires_grad_())
        using (var smallUpstream = randn([256, 64], generator: generator))
        {
            for (var i = 0; i < 3; i++) Step(quantizer, small, smallUpstream);
        }
        GC.Collect();
        var before = ResidentPeak(reset: true);
        for (var i = 0; i < rounds; i++)
        {
            var processor = Process.GetCurrentProcess().TotalProcessorTime;
            var watch = Stopwatch.StartNew();
            Step(quantizer, input, upstream);
            wall = Math.Min(wall, watch.Elapsed.TotalMilliseconds);
            cpu = Math.Min(cpu, (Process.GetCurrentProcess().TotalProcessorTime - processor).TotalMilliseconds);
        }
        // Quantized values, indices and the input's gradient are results, not extra memory.
        var results = count * ((2 * 64 * sizeof(float)) + sizeof(long)) / 1048576.0;
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture,
                $"  the resident peak rose by {ResidentPeak(reset: false) - before:F0} MB, of which results {results:F0} MB"));
        return (wall, cpu, ResidentPeak(reset: false) - before - results);
    }

    private static void Step(VectorQuantizer quantizer, Tensor input, Tensor upstream)
    {
        using var scope = NewDisposeScope();
        using var one = ones(Array.Empty<long>());
        using var output = quantizer.call(input);
        autograd.grad([output.Quantized, output.Loss], [input], [upstream, one])[0].Dispose();
    }

    private static void Print(string name, double wall, double cpu, double megabytes)
        => Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{name}: {wall:F0} ms wall, {cpu:F0} ms processor, +{megabytes:F0} MB"));

    /// <summary>Peak resident megabytes since the last reset (Linux; 0 elsewhere).</summary>
    private static double ResidentPeak(bool reset)
    {
        if (!OperatingSystem.IsLinux()) return 0;
        if (reset) File.WriteAllText("/proc/self/clear_refs", "5");
        var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }
}
