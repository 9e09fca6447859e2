using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset sd3 generate</c>: pictures from a prompt, from a picture, inside a mask.</summary>
internal static class Sd3GenerateCommand
{
    private static readonly Dictionary<string, SamplerOptions> Samplers = new()
    {
        ["euler"] = new(),
        ["heun"] = new() { Kind = SamplerKind.Heun },
        ["dpm++2m"] = new() { Kind = SamplerKind.DpmSolver, UseFlowTable = true },
        ["dpm++3m"] = new() { Kind = SamplerKind.DpmSolver, Order = 3, UseFlowTable = true },
        ["dpm++2m-sde"] = new() { Kind = SamplerKind.StochasticDpmSolver, UseFlowTable = true },
        ["dpm++2m-stability"] = new() { Kind = SamplerKind.DpmSolver2M },
        ["unipc"] = new() { Kind = SamplerKind.UniPc, UseFlowTable = true },
        ["stochastic-euler"] = new() { Kind = SamplerKind.StochasticEuler },
    };

    public static Command Create()
    {
        var model = Sd3Command.Model();
        var prompt = new Option<string>("--prompt", "-p") { Description = "What to show.", Required = true };
        var negative = new Option<string>("--negative") { Description = "What not to show.", DefaultValueFactory = _ => "" };
        var steps = new Option<int>("--steps") { Description = "Number of steps (28 is usual, 4 for the turbo model).", DefaultValueFactory = _ => 28 };
        var cfg = new Option<double>("--cfg") { Description = "Guidance; 1 turns it off (turbo).", DefaultValueFactory = _ => 5 };
        var seed = new Option<ulong>("--seed") { Description = "The same seed makes the same picture.", DefaultValueFactory = _ => 0 };
        var size = new Option<string>("--size") { Description = "Width x height, or one number for a square; multiples of 16.", HelpName = "WxH", DefaultValueFactory = _ => "1024x1024" };
        var count = new Option<int>("--count", "-n") { Description = "Number of pictures, with seeds that follow one another.", DefaultValueFactory = _ => 1 };
        var sampler = new Option<string>("--sampler") { Description = "One of " + string.Join(", ", Samplers.Keys) + ".", DefaultValueFactory = _ => "euler" };
        var shift = new Option<double?>("--shift") { Description = "Shift of the noise levels (default: the checkpoint's, or 3)." };
        var init = new Option<string?>("--init") { Description = "Picture to start from.", HelpName = "IMAGE" };
        var strength = new Option<double>("--strength") { Description = "How far to leave the picture, 0 to 1.", DefaultValueFactory = _ => 0.6 };
        var mask = new Option<string?>("--mask") { Description = "Picture whose white part is painted anew; needs --init.", HelpName = "IMAGE" };
        var skip = new Option<int[]>("--skip-layers") { Description = "Blocks to leave out for skip-layer guidance (7 8 9 for 3.5 medium).", AllowMultipleArgumentsPerToken = true };
        var zero = new Option<bool>("--cfg-zero") { Description = "CFG-zero* guidance." };
        var rescale = new Option<double>("--rescale") { Description = "Rescaling of guidance, 0 to 1." };
        var lora = new Option<string[]>("--lora") { Description = "LoRA file to merge; 'file:0.8' sets its strength, 'file:0.8:0.5' another one for the text encoders.", HelpName = "FILE[:SCALE[:TEXT]]", AllowMultipleArgumentsPerToken = true };
        var loraSkip = new Option<string[]>("--lora-skip") { Description = "Parts that LoRA files leave as they are: " + string.Join(", ", LoraArgument.Parts) + ".", HelpName = "PART", AllowMultipleArgumentsPerToken = true };
        var control = new Option<string?>("--controlnet") { Description = "Folder of a ControlNet.", HelpName = "DIR" };
        var controlImage = new Option<string?>("--control-image") { Description = "Picture for the ControlNet.", HelpName = "IMAGE" };
        var controlScale = new Option<double>("--control-scale") { Description = "Strength of the ControlNet.", DefaultValueFactory = _ => 1 };
        var dtype = new Option<string?>("--dtype") { Description = "auto, fp32, bf16, fp16 or int8 (8-bit matrices)." };
        var device = new Option<string>("--device") { Description = "cpu, cuda, cuda:N or auto.", DefaultValueFactory = _ => "cpu" };
        var t5 = new Option<string?>("--t5") { Description = "T5 from here instead of the checkpoint's.", HelpName = "FILE|DIR" };
        var t5Tokenizer = new Option<string?>("--t5-tokenizer") { Description = "spiece.model, for single files.", HelpName = "FILE" };
        var tokenizers = new Option<string?>("--tokenizers") { Description = "Folder with tokenizer, tokenizer_2 and tokenizer_3, for single files.", HelpName = "DIR" };
        var clipL = new Option<string?>("--clip-l") { Description = "CLIP-L from here instead of the checkpoint's.", HelpName = "FILE|DIR" };
        var clipG = new Option<string?>("--clip-g") { Description = "CLIP-G from here instead of the checkpoint's.", HelpName = "FILE|DIR" };
        var vae = new Option<string?>("--vae") { Description = "Autoencoder from here instead of the checkpoint's.", HelpName = "FILE|DIR" };
        var noT5 = new Option<bool>("--no-t5") { Description = "Leave T5 out: far less memory, weaker with long prompts and writing." };
        var tile = new Option<bool>("--tile") { Description = "Decode in tiles: less memory for large pictures." };
        var preview = new Option<bool>("--preview") { Description = "Write a small preview beside the output after each step." };
        var output = new Option<string>("--output", "-o") { Description = "PNG to write; several get -1, -2, ... before the end.", DefaultValueFactory = _ => "sd3.png", HelpName = "FILE" };
        var json = SharedOptions.Json();
        var command = new Command("generate", "Make pictures.")
        {
            model, prompt, negative, steps, cfg, seed, size, count, sampler, shift, init, strength, mask, skip, zero, rescale, lora, loraSkip, control, controlImage, controlScale,
            dtype, device, t5, t5Tokenizer, tokenizers, clipL, clipG, vae, noT5, tile, preview, output, json,
        };
        command.SetAction(r =>
        {
            var (width, height) = Size(r.GetValue(size)!);
            if (!Samplers.TryGetValue(r.GetValue(sampler)!, out var chosen)) throw new ArgumentException($"--sampler is '{r.GetValue(sampler)}'; allowed are {string.Join(", ", Samplers.Keys)}.{NearestName.Suggest(r.GetValue(sampler)!, Samplers.Keys)}");
            var options = new GenerationOptions
            {
                Width = width,
                Height = height,
                Steps = r.GetValue(steps),
                Seed = r.GetValue(seed),
                Count = r.GetValue(count),
                Strength = r.GetValue(strength),
                Sampler = chosen,
                ControlScale = r.GetValue(controlScale),
                Guidance = new GuidanceOptions { Scale = r.GetValue(cfg), ZeroStar = r.GetValue(zero), Rescale = r.GetValue(rescale), SkipLayers = r.GetValue(skip) ?? [] },
            };
            // Everything that can be wrong is found before gigabytes are read.
            options.ThrowIfInvalid();
            if (width % 16 != 0 || height % 16 != 0) throw new ArgumentException($"--size is {width}x{height}; both must be multiples of 16, for example {Round(width)}x{Round(height)}.");
            if (r.GetValue(mask) is not null && r.GetValue(init) is null) throw new ArgumentException("--mask needs --init, the picture it belongs to.");
            if ((r.GetValue(control) is null) != (r.GetValue(controlImage) is null)) throw new ArgumentException("--controlnet and --control-image belong together.");
            var loras = (r.GetValue(lora) ?? []).Select(text => LoraArgument.Parse(text, r.GetValue(loraSkip) ?? [])).ToList();
            if (Path.GetExtension(r.GetValue(output)!) is { Length: > 0 } ending && !ending.Equals(".png", StringComparison.OrdinalIgnoreCase)) throw new ArgumentException($"--output is '{r.GetValue(output)}'; pictures are written as PNG: end its name in .png.");
            foreach (var path in (string?[])[r.GetValue(t5), r.GetValue(t5Tokenizer), r.GetValue(tokenizers), r.GetValue(clipL), r.GetValue(clipG), r.GetValue(vae), r.GetValue(control), .. loras.Select(l => l.Path)])
            {
                if (path is not null && !Path.Exists(path)) throw new FileNotFoundException($"{path} is not there.", path);
            }
            var load = new LoadOptions
            {
                Dtype = Sd3Command.Dtype(r.GetValue(dtype)),
                EightBits = r.GetValue(dtype) == "int8",
                Device = ComputeDevice.Resolve(r.GetValue(device)!),
                SkipT5 = r.GetValue(noT5),
                T5Path = r.GetValue(t5),
                T5TokenizerPath = r.GetValue(t5Tokenizer) ?? Inside(r.GetValue(tokenizers), "tokenizer_3", "spiece.model"),
                ClipLTokenizerPath = Inside(r.GetValue(tokenizers), "tokenizer"),
                ClipGTokenizerPath = Inside(r.GetValue(tokenizers), "tokenizer_2"),
                ClipLPath = r.GetValue(clipL),
                ClipGPath = r.GetValue(clipG),
                VaePath = r.GetValue(vae),
                Shift = r.GetValue(shift),
            };
            var job = new Job(r.GetValue(model)!, r.GetValue(prompt)!, r.GetValue(negative)!, options, load, r.GetValue(output)!, r.GetValue(json))
            {
                Init = r.GetValue(init),
                Mask = r.GetValue(mask),
                Loras = loras,
                Control = r.GetValue(control),
                ControlImage = r.GetValue(controlImage),
                Tile = r.GetValue(tile),
                Preview = r.GetValue(preview),
            };
            return job.Run();
        });
        return command.WithExamples(
            "cresset sd3 generate --model stable-diffusion-3.5-medium --prompt \"a lighthouse in a storm\" --seed 7",
            "cresset sd3 generate -m sd3.5_large_turbo.safetensors -p \"a red fox\" --steps 4 --cfg 1 --no-t5",
            "cresset sd3 generate -m sd3-medium -p \"in winter\" --init photo.png --strength 0.5");
    }

    private static string? Inside(string? folder, params string[] path)
    {
        if (folder is null) return null;
        var full = Path.Combine([folder, .. path]);
        return Path.Exists(full) ? full : null;
    }

    private static int Round(int size) => Math.Max(16, (size + 8) / 16 * 16);

    private static (int Width, int Height) Size(string text)
    {
        var parts = text.Split('x', 'X');
        if (parts.Length is 1 or 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var width) && int.TryParse(parts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var height)) return (width, height);
        throw new ArgumentException($"--size is '{text}'; write WIDTHxHEIGHT, for example 1024x768.");
    }

    private sealed record Job(string Model, string Prompt, string Negative, GenerationOptions Options, LoadOptions Load, string Output, bool Json)
    {
        public string? Init { get; init; }

        public string? Mask { get; init; }

        public IReadOnlyList<LoraArgument> Loras { get; init; } = [];

        public string? Control { get; init; }

        public string? ControlImage { get; init; }

        public bool Tile { get; init; }

        public bool Preview { get; init; }

        public int Run()
        {
            using var interruption = new Interruption("stopping after this step.");
            using var scope = NewDisposeScope();
            var inputs = new GenerationInputs
            {
                Picture = Init is null ? null : Pixels(Init, 3),
                Mask = Mask is null ? null : Pixels(Mask, 1),
                Control = ControlImage is null ? null : Pixels(ControlImage, 3),
            };
            var clock = System.Diagnostics.Stopwatch.StartNew();
            // A LoRA that cannot be read is found before gigabytes are; it is merged before weights become 8-bit integers.
            var adapters = Loras.Select(l => LoraAdapter.Load(l.Path)).ToList();
            using var model = StableDiffusion3.Load(Model, Load with { EightBits = Load.EightBits && adapters.Count == 0, KeepPacked = adapters.Count == 0 }, new Line<string>(part => Say($"loading      {part}")), interruption.Token);
            foreach (var (adapter, lora) in adapters.Zip(Loras)) Merge(model, adapter, lora);
            if (Load.EightBits && adapters.Count > 0)
            {
                WeightQuantization.ToEightBits(model.Transformer);
                if (model.Text.T5 is { } t5) WeightQuantization.ToEightBits(t5);
            }
            using var control = Control is null ? null : ControlNet.Load(Control, Load.Dtype ?? ScalarType.Float32, Load.Device, interruption.Token);
            model.Control = control;
            if (Tile) model.Vae.Tiling = new VaeTiling(Math.Min(512, model.Vae.Options.SampleSize), model.Vae.Options.Downscale);
            Say($"loaded in    {Terminal.Output.Duration(clock.Elapsed)}");
            clock.Restart();
            using var result = model.Generate(Prompt, Negative, Options, inputs, new Line<GenerationStep>(step => Report(step, clock.Elapsed)), cancellation: interruption.Token);
            foreach (var note in result.Notes) Console.Error.WriteLine("cresset: " + note);
            var files = Save(result.Pictures!);
            if (Json) Terminal.Output.Json(new { files, seed = Options.Seed, seconds = clock.Elapsed.TotalSeconds });
            else foreach (var file in files) Console.Out.WriteLine($"picture      {file}");
            return ExitCode.Success;
        }

        private void Merge(StableDiffusion3 model, LoraAdapter adapter, LoraArgument lora)
        {
            using var merged = adapter;
            adapter.Merge(model, lora.Scales);
            Say($"lora         {lora.Path}: {string.Join(", ", adapter.Pairs.Where(p => lora.Scales.Of(p.Part) != 0).GroupBy(p => p.Part).Select(g => $"{LoraArgument.Name(g.Key)} {Terminal.Output.Number(lora.Scales.Of(g.Key))} ({g.Count()} layers)").DefaultIfEmpty("left out"))}");
        }

        private void Report(GenerationStep step, TimeSpan elapsed)
        {
            using var owned = step;
            Say($"step         {step.Step}/{step.Steps}  {Terminal.Output.Duration(elapsed)}");
            if (!Preview || step.Predicted.size(1) != 16) return;
            using var scope = NewDisposeScope();
            var rgb = LatentPreview.ToRgb(step.Predicted).cpu().contiguous();
            AtomicFile.WriteBytes(Path.ChangeExtension(Output, null) + "-preview.png", Picture.FromPlanes(rgb[0].contiguous().data<float>().ToArray(), 3, (int)rgb.size(2), (int)rgb.size(3)).ToPng());
        }

        private List<string> Save(Tensor pictures)
        {
            var files = new List<string>();
            for (var i = 0; i < pictures.size(0); i++)
            {
                var file = pictures.size(0) == 1 ? Output : $"{Path.ChangeExtension(Output, null)}-{i + 1}{(Path.GetExtension(Output) is { Length: > 0 } end ? end : ".png")}";
                AtomicFile.WriteBytes(file, Picture.FromPlanes(pictures[i].contiguous().data<float>().ToArray(), 3, (int)pictures.size(2), (int)pictures.size(3)).ToPng());
                files.Add(file);
            }
            return files;
        }

        private void Say(string text)
        {
            if (!Json) Console.Error.WriteLine(text);
        }

        // A picture file as [1, C, H, W] in 0..1 at the size asked for.
        private Tensor Pixels(string path, int channels)
        {
            if (!File.Exists(path)) throw new FileNotFoundException($"{path} is not there.", path);
            var picture = Picture.Load(path);
            using var scope = NewDisposeScope();
            var rgb = tensor(picture.Pixels).view(1, picture.Height, picture.Width, 4).permute(0, 3, 1, 2).narrow(1, 0, 3).to(ScalarType.Float32).div_(255);
            if (channels == 1) rgb = rgb.mean([1], keepdim: true);
            if (picture.Width != Options.Width || picture.Height != Options.Height) rgb = channels == 1 ? Upsample.Apply(rgb, [Options.Height, Options.Width]) : Upsample.Apply(rgb, [Options.Height, Options.Width], mode: ResizeMode.Bicubic, antialias: true).clamp_(0, 1);
            return rgb.contiguous().MoveToOuterDisposeScope();
        }
    }

    private sealed class Line<T>(Action<T> write) : IProgress<T>
    {
        public void Report(T value) => write(value);
    }
}
