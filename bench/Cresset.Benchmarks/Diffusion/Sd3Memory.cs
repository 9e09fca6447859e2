using System.Diagnostics;
using System.Globalization;
using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Diffusion;

/// <summary>
/// Peak memory and time of a whole checkpoint, phase by phase: a prompt in, a picture out, by the path of <c>cresset sd3 generate</c>. The
/// checkpoint has random weights in the shape of Stable Diffusion 3.5 medium (or large) with both CLIPs, T5-XXL and the autoencoder.
/// Arguments: storage of transformer and T5 (bf16, fp16, fp8, q8_0, q4_k), medium or large, a folder for the files, side of the picture
/// (512), steps (2). The first call writes the files, the next one measures.
/// </summary>
internal static class Sd3Memory
{
    public static int Run(string[] args)
    {
        if (args.Length < 3)
            throw new ArgumentException("sd3-memory needs a storage (bf16, fp16, fp8, q8_0, q4_k), medium or large, and a folder.");
        var (storage, isLarge, folder) = (args[0], args[1] == "large", args[2]);
        var side = args.Length > 3 ? int.Parse(args[3], CultureInfo.InvariantCulture) : 512;
        var steps = args.Length > 4 ? int.Parse(args[4], CultureInfo.InvariantCulture) : 2;
        var plain = storage is "bf16" or "fp16" or "fp8" ? storage : "bf16";
        var place = Path.Combine(folder, $"{args[1]}-{plain}");
        var packed = storage == plain ? null : storage == "q8_0" ? GgufStorage.Q8_0 : storage == "q4_k" ? (GgufStorage?)GgufStorage.Q4_K
            : throw new ArgumentException($"The storage is '{storage}'; allowed are bf16, fp16, fp8, q8_0, q4_k.");
        string transformer = Path.Combine(folder, $"{args[1]}-{storage}.gguf"), t5 = Path.Combine(folder, $"t5-{storage}.gguf");
        if (!File.Exists(Path.Combine(place, "model_index.json"))
            || (packed is not null && (!File.Exists(transformer) || !File.Exists(t5))))
        {
            RandomCheckpoint.Write(place, isLarge ? MmDitOptions.Sd35Large : MmDitOptions.Sd35Medium, plain);
            if (packed is { } type)
            {
                if (!File.Exists(transformer)) ModelConversion.ToGguf(place, transformer, type);
                using var source = SafetensorsFile.Open(Path.Combine(place, "text_encoder_3", "model.safetensors"));
                if (!File.Exists(t5)) GgufWriter.Write(t5, source, type);
            }
            Console.WriteLine($"The files in {folder} were written; run the command again to measure.");
            return 0;
        }
        var load = packed is null ? new LoadOptions() : new LoadOptions
        {
            VaePath = Path.Combine(place, "vae"),
            ClipLPath = Path.Combine(place, "text_encoder"),
            ClipGPath = Path.Combine(place, "text_encoder_2"),
            T5Path = t5,
            T5TokenizerPath = Path.Combine(place, "tokenizer_3", "spiece.model"),
        };
        var path = packed is null ? place : transformer;
        var options = new GenerationOptions { Width = side, Height = side, Steps = steps, Seed = 1 };
        var plan = GenerationPlan.Of(path, load, options);
        Console.WriteLine($"{storage} {args[1]}, {side}x{side}; plan: {plan.Line}");
        using var model = Phase("load", () => StableDiffusion3.Load(path, load));
        plan.Apply(model);
        using var wanted = Phase("text", () => model.Text.Encode("a lighthouse in a storm"));
        using var unwanted = model.Text.Encode("");
        model.Text.Release();
        var clock = Stopwatch.StartNew();
        using var made = Phase("sampling", () => model.Generate(wanted, unwanted, options, latentsOnly: true));
        Console.WriteLine($"a step with guidance: {clock.Elapsed.TotalSeconds / steps:0.00} s");
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var picture = Phase("decode", () => model.Vae.Decode(made.Latents));
        Console.WriteLine($"finite: {picture.isfinite().all().item<bool>()}");
        return 0;
    }

    private static T Phase<T>(string name, Func<T> work)
    {
        // Linux forgets the highest resident size so far.
        File.WriteAllText("/proc/self/clear_refs", "5");
        var clock = Stopwatch.StartNew();
        var result = work();
        Console.WriteLine(
            $"{name,-9} {clock.Elapsed.TotalSeconds,7:0.0} s, peak {ResidentMemory.Peak() / 1e9:0.00} GB, then {ResidentMemory.Now()}");
        return result;
    }
}
