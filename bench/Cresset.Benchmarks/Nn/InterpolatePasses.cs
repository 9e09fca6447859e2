using System.Diagnostics;
using System.Globalization;
using Cresset.Benchmarks.Peers;
using Cresset.Nn;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Nn;

/// <summary>
/// Enlarging [8, 32, 128, 128] twofold, forward and backward, in every mode and layer: Cresset, the libtorch it stands on, and PyTorch,
/// taking turns in one run. Arguments: rounds, threads and the command that starts Python (with PyTorch).
/// </summary>
internal static class InterpolatePasses
{
    private static readonly long[] Shape = [8, 32, 128, 128];

    public static int Run(string[] arguments)
    {
        var rounds = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 9;
        var threads = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 1;
        set_num_threads(threads);
        using var peer = PeerProcess.Of(arguments, 2, "interpolate_passes.py", threads);
        var generator = new Generator(1);
        var x = randn(Shape, generator: generator).requires_grad_();
        var wide = randn([8, 128, 128, 128], generator: generator).requires_grad_();
        var g = randn([8, 32, 256, 256], generator: generator);
        var target = empty_like(g);
        using var carafe = new Carafe(32, generator: generator);
        using var sample = new DySample(32, generator: generator);
        (string, Tensor, Func<Tensor>, Func<Tensor>?) Resize(string name, ResizeMode mode, InterpolationMode native, bool? align = null,
            bool antialias = false) => (name, x,
            () => Upsample.Apply(x, scaleFactor: [2, 2], mode: mode, alignCorners: align, antialias: antialias),
            () => nn.functional.interpolate(x, scale_factor: [2, 2], mode: native,
                align_corners: mode is ResizeMode.Bilinear or ResizeMode.Bicubic or ResizeMode.NearestExact ? align ?? false : null,
                antialias: antialias));
        (string Name, Tensor Input, Func<Tensor> Work, Func<Tensor>? Native)[] cases =
        [
            Resize("nearest", ResizeMode.Nearest, InterpolationMode.Nearest),
            Resize("nearest-exact", ResizeMode.NearestExact, InterpolationMode.NearestExact),
            Resize("bilinear", ResizeMode.Bilinear, InterpolationMode.Bilinear),
            Resize("bilinear-aligned", ResizeMode.Bilinear, InterpolationMode.Bilinear, align: true),
            Resize("bilinear-antialias", ResizeMode.Bilinear, InterpolationMode.Bilinear, antialias: true),
            Resize("bicubic", ResizeMode.Bicubic, InterpolationMode.Bicubic),
            Resize("area", ResizeMode.Area, InterpolationMode.Area),
            ("pixel-shuffle", wide, () => PixelShuffle.Apply(wide, 2), () => nn.functional.pixel_shuffle(wide, 2)),
            ("carafe", x, () => carafe.call(x), null),
            ("dysample", x, () => sample.call(x), null),
        ];
        var times = new Dictionary<(string, string), List<(double Wall, double Cpu)>>();
        var copies = new List<double>();
        for (var round = -1; round < rounds; round++)
        {
            foreach (var (name, input, work, native) in cases)
            {
                Keep(name, "Cresset", Pass(work, input));
                if (native is not null) Keep(name, "libtorch", Pass(native, input));
                if (peer is not null && name is not ("carafe" or "dysample")) Keep(name, "PyTorch", peer.Step(name));
            }
            var copied = Time(() =>
            {
                using var quiet = no_grad();
                target.copy_(g);
            });
            if (round >= 0) copies.Add(copied.Wall);

            (double, double) Pass(Func<Tensor> work, Tensor input) => Time(() =>
            {
                using var scope = NewDisposeScope();
                autograd.grad([work()], [input], [g]);
            });

            void Keep(string name, string side, (double, double) time)
            {
                if (round < 0) return;
                if (!times.TryGetValue((name, side), out var list)) times[(name, side)] = list = [];
                list.Add(time);
            }
        }
        var copy = 8.0 * g.numel() / copies.Min() / 1e6;
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture,
                $"[8, 32, 128, 128] to twice the size, {threads} threads, {rounds} rounds; allocator: "
                    + $"{Cresset.Native.NativeRuntime.Allocator.Reason}; copy {copy:0.0} GB/s"));
        foreach (var (name, input, _, _) in cases)
        {
            if (times.TryGetValue((name, "PyTorch"), out var peers))
            {
                var least = times[(name, "Cresset")].Min(t => t.Wall);
                ResultRow.Less($"{name} twofold and backward, threads {threads}", least, peers.Min(t => t.Wall), "ms",
                    4.0 * 2 * (input.numel() + g.numel()) / least / 1e6 / copy);
            }
            foreach (var side in new[] { "PyTorch", "libtorch", "Cresset" })
            {
                if (!times.TryGetValue((name, side), out var list)) continue;
                double[] wall = [.. list.Select(t => t.Wall)], cpu = [.. list.Select(t => t.Cpu)];
                // Forward reads the input and writes the result, backward reads the result's gradient and writes the input's.
                var rate = 4.0 * 2 * (input.numel() + g.numel()) / wall.Min() / 1e6;
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{name,-19} {side,-8} wall min {wall.Min(),7:0.0} median {Median(wall),7:0.0}  cpu min {cpu.Min(),7:0.0} median "
                        + $"{Median(cpu),7:0.0} ms  {rate,5:0.0} GB/s = {rate / copy,4:0%} of copy  over Cresset: wall median "
                        + $"{Median(wall) / Median(times[(name, "Cresset")].Select(t => t.Wall)),5:0.00}"));
            }
        }
        return 0;
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private static (double Wall, double Cpu) Time(Action work)
    {
        var cpu = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.StartNew();
        work();
        return (clock.Elapsed.TotalMilliseconds, (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds);
    }
}
