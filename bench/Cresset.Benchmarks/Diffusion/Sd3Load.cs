using System.Diagnostics;
using Cresset.Diffusion;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Diffusion;

/// <summary>
/// Writes a checkpoint of random bfloat16 weights with the shape of Stable Diffusion 3 medium (2.03 billion parameters), loads
/// it by mapping, and runs one step of a 256x256 picture with 154 text tokens. Arguments: folder for the file (default: the temporary folder).
/// </summary>
internal static class Sd3Load
{
    public static int Run(string[] args)
    {
        var path = Path.Combine(args.Length > 0 ? args[0] : Path.GetTempPath(), "sd3-medium-random.safetensors");
        set_num_threads(Environment.ProcessorCount);
        if (!File.Exists(path)) Write(path);
        Console.WriteLine($"file {new FileInfo(path).Length / 1e9:0.00} GB");
        var clock = Stopwatch.StartNew();
        var before = Environment.WorkingSet;
        using var model = new MmDit(MmDitOptions.Sd3Medium, WeightPlace.Nowhere);
        using (var file = SafetensorsFile.Open(path)) WeightLoader.Load(model, file);
        Console.WriteLine($"loaded in {clock.Elapsed.TotalSeconds:0.00} s, resident {(Environment.WorkingSet - before) / 1e9:0.00} GB more, {model.parameters().Sum(p => p.numel()):N0} parameters");
        using var quiet = inference_mode();
        using var scope = NewDisposeScope();
        Tensor latents = randn(1, 16, 32, 32), times = full(1, 700f), context = randn(1, 154, 4096), pooled = randn(1, 2048);
        clock.Restart();
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        using var velocity = model.call(latents, times, context, pooled);
        Console.WriteLine($"step: {clock.Elapsed.TotalSeconds:0.0} s, {(Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds:0.0} CPU s, finite {velocity.isfinite().all().item<bool>()}");
        Process.GetCurrentProcess().Refresh();
        Console.WriteLine($"peak resident memory {Process.GetCurrentProcess().PeakWorkingSet64 / 1e9:0.00} GB, weights {model.parameters().Sum(p => p.numel()) * 2 / 1e9:0.00} GB");
        return 0;
    }

    private static void Write(string path)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        using var shapes = new MmDit(MmDitOptions.Sd3Medium, WeightPlace.Nowhere);
        using var generator = new Generator(1);
        // A few million random numbers, repeated: drawing two billion would take longer than everything else.
        var numbers = randn([1 << 22], generator: generator).mul_(0.02).to(ScalarType.BFloat16);
        var tensors = shapes.state_dict().ToDictionary(p => p.Key, p =>
        {
            var count = p.Value.numel();
            return numbers.repeat((count / numbers.numel()) + 1).narrow(0, 0, count).view(p.Value.shape);
        });
        SafetensorsWriter.Write(path, tensors);
    }
}
