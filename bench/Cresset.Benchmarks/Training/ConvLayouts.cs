using System.Diagnostics;
using System.Globalization;
using Cresset.Benchmarks.Peers;
using Cresset.Data;
using Cresset.Nn;
using Cresset.Quantization;
using Cresset.Recipes;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Training;

/// <summary>
/// Forward and backward of convolutional nets from pictures as they come and from pictures with channels last, all sides taking turns in
/// one run.
/// Arguments: rounds, threads, and the command that starts Python with PyTorch, whose classifier then runs beside ours, channels last.
/// </summary>
internal static class ConvLayouts
{
    public static int Run(string[] arguments)
    {
        var rounds = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 7;
        var threads = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 1;
        set_num_threads(threads);
        using var peer = PeerProcess.Of(arguments, 2, "conv_steps.py", threads);
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var classifier = new PictureClassifier(new ClassifierOptions(),
            new DataFacts { Name = "noise", Shape = [3, 32, 32], Classes = [.. Enumerable.Range(0, 10).Select(i => $"c{i}")] });
        var digits = new DigitsClassifierNet(new DigitsClassifierOptions());
        var unet = new UNet(3, 3, new UNetOptions(), generator);
        var vqvae = new VqVae(new(), new VectorQuantizer(new() { Codebook = new() { Size = 256 } }, generator), generator);
        var espcn = new Espcn(new EspcnOptions { Channels = 3 });
        var segnet = new SegNet(3, 4, new SegNetOptions());
        (string Name, Tensor Input, Func<Tensor, Tensor> Forward, nn.Module Net)[] cases =
        [
            ("classifier", rand([64, 3, 32, 32], generator: generator), x => classifier.call(x), classifier),
            ("digits", rand([64, 1, 8, 8], generator: generator), x => digits.call(x), digits),
            ("unet", rand([8, 3, 32, 32], generator: generator), x => unet.call(x), unet),
            ("segnet", rand([4, 3, 32, 32], generator: generator), x => segnet.call(x), segnet),
            ("espcn", rand([16, 3, 32, 32], generator: generator), x => espcn.call(x), espcn),
            ("vqvae", rand([64, 1, 28, 28], generator: generator), x => vqvae.call(x).Reconstruction, vqvae),
        ];
        foreach (var (name, input, forward, net) in cases)
        {
            var last = Last(input);
            var best = new SortedDictionary<string, double>();
            for (var round = -2; round < rounds; round++)
            {
                // A pause of our kernels also keeps the nets from laying the pictures out; it takes the quantizer's kernel from the VQ-VAE
                // too.
                using (new KernelPause()) Record("as they come", Time(() => Pass(input)));
                Record("channels last", Time(() => Pass(last)));
                if (peer is not null && name == "classifier") Record("PyTorch", peer.Step(name).Cpu);

                void Record(string side, double cost)
                {
                    if (round >= 0) best[side] = Math.Min(cost, best.GetValueOrDefault(side, double.MaxValue));
                }
            }
            if (best.TryGetValue("PyTorch", out var peers))
                ResultRow.Less($"step of the picture classifier, threads {threads}", best["as they come"], peers, "ms of processor time");
            Console.WriteLine($"{name,-11} "
                + string.Join("  ",
                    best.Select(
                        b => string.Create(CultureInfo.InvariantCulture,
                            $"{b.Key} {b.Value:0.0} ms ({b.Value / best["as they come"]:0.00})"))));

            void Pass(Tensor pictures)
            {
                using var inner = NewDisposeScope();
                net.zero_grad();
                forward(pictures).square().mean().backward();
            }
        }
        return 0;
    }

    private static Tensor Last(Tensor x) => x.size(1) == 1
        ? x.view(x.size(0), x.size(2), x.size(3), 1).permute(0, 3, 1, 2)
        : x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);

    private static double Time(Action work)
    {
        var cpu = Environment.CpuUsage.TotalTime;
        work();
        return (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds;
    }
}
