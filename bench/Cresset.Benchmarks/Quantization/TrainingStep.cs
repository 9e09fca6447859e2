using System.Diagnostics;
using System.Globalization;
using Cresset.Benchmarks.Peers;
using Cresset.Optim;
using Cresset.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Quantization;

/// <summary>
/// A whole training step of the small VQ-VAE (batch 128 of 28 x 28, 256 codes by moving averages, Adam), and without a quantizer's share;
/// against PyTorch and vector-quantize-pytorch.
/// </summary>
internal static class TrainingStep
{
    public static int Run(string[] args)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        using var model = new VqVae(new(), new VectorQuantizer(new() { Codebook = new() { Size = 256 } }, generator), generator);
        using var optimizer = new Optimizer(model, new AdamRule { LearningRate = 1e-3 });
        var batch = rand([128, 1, 28, 28], generator: generator);
        double wall = double.MaxValue, cpu = double.MaxValue, quantizer = double.MaxValue;
        var latents = randn([128, 64, 7, 7], generator: generator).requires_grad_();
        for (var i = 0; i < 24; i++)
        {
            using var step = NewDisposeScope();
            var processor = Process.GetCurrentProcess().TotalProcessorTime;
            var watch = Stopwatch.StartNew();
            optimizer.ZeroGrad();
            var output = model.call(batch);
            ((nn.functional.mse_loss(output.Reconstruction, batch) / 0.12463) + output.QuantizerLoss()).backward();
            optimizer.Step();
            wall = Math.Min(wall, watch.Elapsed.TotalMilliseconds);
            cpu = Math.Min(cpu, (Process.GetCurrentProcess().TotalProcessorTime - processor).TotalMilliseconds);
            processor = Process.GetCurrentProcess().TotalProcessorTime;
            var part = model.Quantizers[0].QuantizeMap(latents);
            autograd.grad([part.Quantized.sum() + part.Loss], [latents]);
            quantizer = Math.Min(quantizer, (Process.GetCurrentProcess().TotalProcessorTime - processor).TotalMilliseconds);
        }
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture,
                $"cresset: {wall:F0} ms wall, {cpu:F0} ms processor; quantizer forward and backward {quantizer:F1} ms processor"));
        foreach (var peer in PeerPython.Of(args, 0)?.Figures("vq_training_step.py") ?? [])
        {
            var mine = peer.Name.EndsWith("wall", StringComparison.Ordinal) ? wall : cpu;
            if (mine == wall) ResultRow.Less("step of the small VQ-VAE, batch 128", wall, peer.Milliseconds, "ms");
            Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture,
                    $"{peer.Name}: {peer.Milliseconds:F0} ms; ratio {peer.Milliseconds / mine:F2}"));
        }
        return 0;
    }
}
