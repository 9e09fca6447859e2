using System.Diagnostics;
using System.Globalization;
using Cresset.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Quantization;

/// <summary>
/// Draws 64 maps of 7 x 7 codes with caches and with a full pass a position, and place by place and scale by scale, interleaved; best of
/// several rounds, processor time.
/// </summary>
internal static class PriorSampling
{
    public static int Run(string[] args)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        Report("transformer d 64, 2 layers", new CodeTransformer(new() { CodebookSize = 256, Classes = 10 }, generator));
        Report("gated PixelCNN 32, 6 layers", new GatedPixelCnn(new() { CodebookSize = 256, Classes = 10 }, generator));
        Scales(generator);
        return 0;
    }

    // The same net over the same pictures: place by place, and scale by scale.
    private static void Scales(Generator generator)
    {
        int[] scales = [1, 2, 3, 4, 5, 7];
        var length = scales.Sum(side => side * side);
        using var places = new CodeTransformer(new() { CodebookSize = 256, Classes = 10 }, generator);
        using var coarseToFine = new NextScaleTransformer(new() { CodebookSize = 256, Classes = 10, Scales = scales }, generator);
        places.eval();
        coarseToFine.eval();
        foreach (var maps in new[] { 1, 64 })
        {
            using var labels = zeros(maps, dtype: ScalarType.Int64);
            double one = double.MaxValue, oneCpu = double.MaxValue, other = double.MaxValue, otherCpu = double.MaxValue;
            for (var round = 0; round < 6; round++)
            {
                (one, oneCpu) = Best(() => Generate(places.Begin(maps, 7, 7, labels)), one, oneCpu);
                (other, otherCpu) = Best(() => Generate(coarseToFine.Begin(maps, 1, length, labels)), other, otherCpu);
            }
            Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture,
                    $"{maps} maps of 7 x 7: place by place 49 passes {one:F1} ms wall ({oneCpu:F0} processor); {length} codes of "
                        + $"{scales.Length} scales in {scales.Length} passes {other:F1} ms ({otherCpu:F0}); ratio {one / other:F1} wall"));
        }
    }

    private static void Report(string name, CodePrior prior)
    {
        using (prior)
        {
            prior.eval();
            using var labels = zeros(64, dtype: ScalarType.Int64);
            double cached = double.MaxValue, full = double.MaxValue, cachedWall = double.MaxValue, fullWall = double.MaxValue, worst = 0;
            for (var round = 0; round < 4; round++)
            {
                (cachedWall, cached) = Best(() => Generate(prior.Begin(64, 7, 7, labels)), cachedWall, cached);
                if (round % 2 == 0) (fullWall, full) = Best(() => Generate(prior.BeginFullPass(64, 7, 7, labels)), fullWall, full);
            }
            using (var scope = NewDisposeScope())
            {
                using CodeSession a = prior.Begin(64, 7, 7, labels), b = prior.BeginFullPass(64, 7, 7, labels);
                using var noGrad = no_grad();
                for (var p = 0; p < 49; p++)
                {
                    using var step = NewDisposeScope();
                    worst = Math.Max(worst, (a.Next() - b.Next()).abs().max().ToDouble());
                    long[] codes = [.. Enumerable.Range(0, 64).Select(i => (long)(((i * 37) + (p * 11)) % 256))];
                    a.Accept(codes);
                    b.Accept(codes);
                }
            }
            Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture,
                    $"{name}: cached {cachedWall:F0} ms wall ({cached:F0} processor), full pass {fullWall:F0} ms ({full:F0}); ratio "
                        + $"{fullWall / cachedWall:F1} wall, {full / cached:F1} processor; greatest difference of logits {worst:E1}"));
        }
    }

    private static void Generate(CodeSession session)
    {
        using (session)
        {
            using var noGrad = no_grad();
            var codes = new long[session.Batch];
            for (var p = 0L; p < session.Height * session.Width; p++)
            {
                using var step = NewDisposeScope();
                session.Next();
                for (var i = 0; i < codes.Length; i++) codes[i] = ((i * 37) + (p * 11)) % 256;
                session.Accept(codes);
            }
        }
    }

    private static (double Wall, double Cpu) Best(Action action, double wall, double cpu)
    {
        var processor = Process.GetCurrentProcess().TotalProcessorTime;
        var watch = Stopwatch.StartNew();
        action();
        return (Math.Min(wall, watch.Elapsed.TotalMilliseconds),
            Math.Min(cpu, (Process.GetCurrentProcess().TotalProcessorTime - processor).TotalMilliseconds));
    }
}
