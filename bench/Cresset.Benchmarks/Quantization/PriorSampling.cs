using System.Diagnostics;
using System.Globalization;
using Cresset.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Quantization;

/// <summary>
/// Draws 64 maps of 7 x 7 codes with caches and with a full pass a position, interleaved; best of several rounds, processor time.
/// </summary>
internal static class PriorSampling
{
    public static int Run(string[] args)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        Report("transformer d 64, 2 layers", new CodeTransformer(new() { CodebookSize = 256, Classes = 10 }, generator));
        Report("gated PixelCNN 32, 6 layers", new GatedPixelCnn(new() { CodebookSize = 256, Classes = 10 }, generator));
        return 0;
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
