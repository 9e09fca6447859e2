using System.Diagnostics;
using System.Globalization;
using Cresset.Benchmarks.Peers;
using Cresset.Diffusion;
using Cresset.Native;
using Cresset.Nn;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Diffusion;

/// <summary>
/// One forward of a 12-layer MM-DiT (width 768, 32x32 latent, 154 text tokens, batch 2), one VAE decoding to 256x256 and a bare matrix
/// product, each alternating with the same work in PyTorch. CPU seconds on one thread, least of the rounds.
/// Arguments: rounds (default 3), then the command that starts Python (with PyTorch).
/// </summary>
internal static class Sd3Forward
{
    private const double ForwardGflop = 164;

    public static int Run(string[] args)
    {
        var rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 3;
        set_num_threads(1);
        using var peer = PeerPython.Of(args, 1)?.Start("sd3_forward.py", [1], listens: true);
        if (peer is not null) Console.WriteLine("peer: " + peer.StandardOutput.ReadLine());
        using var quiet = inference_mode();
        using var scope = NewDisposeScope();
        var options = new MmDitOptions { Layers = 12, Heads = 12, SampleSize = 32, PositionTableSize = 64 };
        using var generator = new Generator(0);
        using var single = new MmDit(options, new WeightPlace(Generator: generator));
        Console.WriteLine(
            $"parameters {single.parameters().Sum(p => p.numel()):N0} ({single.parameters().Sum(p => p.numel()) * 4 / 1e6:0} MB in fp32)");
        using var half = new MmDit(options, new WeightPlace(ScalarType.BFloat16, Generator: generator));
        using var vae = new Vae(VaeOptions.Sd3, new WeightPlace(Generator: generator));
        foreach (var parameter in vae.parameters()) parameter.requires_grad_(false);
        vae.UseChannelsLast();
        Tensor latents = randn([2, 16, 32, 32], generator: generator), times = full(2, 700f),
            context = randn([2, 154, 4096], generator: generator), pooled = randn([2, 2048], generator: generator);
        Tensor a = randn([1024, 1024], generator: generator), b = randn([1024, 1024], generator: generator);
        var work = new (string Name, Action Do)[]
        {
            ("gemm", () => { for (var i = 0; i < 10; i++) a.matmul(b).Dispose(); }),
            ("fp32", () => single.call(latents, times, context, pooled).Dispose()),
            ("bf16", () => half.call(latents, times, context, pooled).Dispose()),
            ("vae", () => vae.DecodeRaw(latents.narrow(0, 0, 1)).Dispose()),
        };
        var mine = work.ToDictionary(w => w.Name, _ => double.MaxValue);
        var theirs = work.ToDictionary(w => w.Name, _ => double.MaxValue);
        for (var round = 0; round < rounds; round++)
        {
            foreach (var (name, act) in work)
            {
                using var inner = NewDisposeScope();
                // Without instructions for it bfloat16 takes minutes in PyTorch, and one round says enough here.
                if (name == "bf16" && round > 0 && !CpuFeatures.HasAvx512Bf16) continue;
                if (peer is not null && (name != "bf16" || CpuFeatures.HasAvx512Bf16))
                {
                    peer.StandardInput.WriteLine(name);
                    theirs[name] = Math.Min(theirs[name], double.Parse(peer.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture));
                }
                var start = Process.GetCurrentProcess().TotalProcessorTime;
                act();
                var took = (Process.GetCurrentProcess().TotalProcessorTime - start).TotalSeconds;
                mine[name] = Math.Min(mine[name], took);
                Console.Error.WriteLine(
                    $"round {round + 1}: {name,-5} {took:0.000} "
                        + $"s{(theirs[name] < double.MaxValue ? $", least there {theirs[name]:0.000} s" : "")}");
            }
        }
        peer?.StandardInput.Close();
        var peak = 10 * 2 * Math.Pow(1024, 3) / 1e9 / mine["gemm"];
        Console.WriteLine(
            $"matrix product: {peak:0.0} GFLOP/s "
                + $"here{(peer is null ? "" : $", {10 * 2 * Math.Pow(1024, 3) / 1e9 / theirs["gemm"]:0.0} there")}");
        foreach (var (name, _) in work.Skip(1))
        {
            var share = name == "vae" ? "" : $", {ForwardGflop / mine[name] / peak:0%} of the fp32 matrix-product rate";
            var measured = peer is not null && theirs[name] < double.MaxValue ? $", PyTorch {theirs[name]:0.000} s" : "";
            var beside = peer is null ? ""
                : name == "bf16" ? $", {mine[name] / theirs["fp32"]:0.00} of PyTorch's fp32{measured}"
                : $"{measured}, ratio {mine[name] / theirs[name]:0.00}";
            Console.WriteLine($"{name,-5} {mine[name]:0.000} s{beside}{share}");
            if (peer is null) continue;
            // The peer's bfloat16 is slower than its fp32: the better of its two.
            ResultRow.Less(name == "vae" ? "SD3 VAE, decoding to 256x256" : $"SD3 MM-DiT of 12 layers, {name}", mine[name],
                name == "bf16" ? Math.Min(theirs["fp32"], theirs[name]) : theirs[name], "s of processor time",
                name == "vae" ? null : ForwardGflop / mine[name] / peak);
        }
        Console.WriteLine($"peak memory {Process.GetCurrentProcess().PeakWorkingSet64 / 1e9:0.00} GB (all networks together)");
        return 0;
    }
}
