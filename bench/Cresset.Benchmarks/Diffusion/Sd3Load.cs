using System.Diagnostics;
using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Diffusion;

/// <summary>
/// Writes a checkpoint of random 16-bit weights with the shape of Stable Diffusion 3 medium (2.03 billion parameters), loads it by mapping,
/// and runs one step of a 256x256 picture with 154 text tokens. Arguments: folder for the file (default: the temporary folder); fp16 for
/// half precision, which CPUs compute by widening weights as they come to them.
/// </summary>
internal static class Sd3Load
{
    public static int Run(string[] args)
    {
        var type = args.Contains("fp16") ? ScalarType.Float16 : ScalarType.BFloat16;
        var path = Path.Combine(args.FirstOrDefault(a => a is not "fp16") ?? Path.GetTempPath(), $"sd3-medium-random-{type}.safetensors");
        set_num_threads(Environment.ProcessorCount);
        if (!File.Exists(path))
        {
            Write(path, type);
            // Memory that writing needed would be measured too.
            Console.WriteLine($"{path} was written; run the command again to measure.");
            return 0;
        }
        using var quiet = inference_mode();
        using var scope = NewDisposeScope();
        WarmUp();
        var native = ResidentMemory.Now();
        Console.WriteLine(
            $"file {new FileInfo(path).Length / 1e9:0.00} GB; native base (.NET, libtorch, one small product in each type): {native}");
        var clock = Stopwatch.StartNew();
        using var model = new MmDit(MmDitOptions.Sd3Medium, WeightPlace.Nowhere);
        using (var file = SafetensorsFile.Open(path)) WeightLoader.Load(model, file);
        var weights = model.state_dict().Values.Sum(p => p.numel()) * 2;
        Console.WriteLine(
            $"loaded in {clock.Elapsed.TotalSeconds:0.00} s; {ResidentMemory.Now()}; weights {weights / 1e9:0.000} GB, computed in "
                + $"{model.ComputeDtype}");
        Tensor latents = randn(1, 16, 32, 32), times = full(1, 700f), context = randn(1, 154, 4096), pooled = randn(1, 2048);
        clock.Restart();
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        using var velocity = model.call(latents, times, context, pooled);
        Console.WriteLine(
            $"step: {clock.Elapsed.TotalSeconds:0.0} s, {(Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds:0.0} CPU s, "
                + $"finite {velocity.isfinite().all().item<bool>()}; {ResidentMemory.Now()}");
        var peak = ResidentMemory.Peak();
        Console.WriteLine(
            $"peak {peak / 1e9:0.000} GB: {(double)peak / weights:0.000} of the weights; above the native base "
                + $"{(double)(peak - native.Total) / weights:0.000}");
        return 0;
    }

    // Once through each kind of kernel, so that what the libraries keep for themselves is counted before the model.
    private static void WarmUp()
    {
        using var scope = NewDisposeScope();
        foreach (var type in new[] { ScalarType.Float32, ScalarType.BFloat16 })
        {
            var x = randn(1, 4, 16, 16).to(type);
            _ = nn.functional.scaled_dot_product_attention(x, x, x);
            _ = nn.functional.linear(x, randn(16, 16).to(type));
            _ = nn.functional.conv2d(x, randn(4, 4, 2, 2).to(type));
            _ = nn.functional.gelu(nn.functional.layer_norm(x, [16]));
        }
    }

    private static void Write(string path, ScalarType type)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        using var shapes = new MmDit(MmDitOptions.Sd3Medium, WeightPlace.Nowhere);
        using var generator = new Generator(1);
        // A few million random numbers, repeated: drawing two billion would take longer than everything else.
        var numbers = randn([1 << 22], generator: generator).mul_(0.02).to(type);
        var tensors = shapes.state_dict().ToDictionary(p => p.Key, p =>
        {
            var count = p.Value.numel();
            return numbers.repeat((count / numbers.numel()) + 1).narrow(0, 0, count).view(p.Value.shape);
        });
        SafetensorsWriter.Write(path, tensors);
    }
}
