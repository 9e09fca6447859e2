using Cresset.Cli.Terminal;
using Cresset.Data;
using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Plots;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Cli.Commands;

/// <summary>One call of <c>cresset sd3 generate</c>.</summary>
internal sealed record Sd3GenerateJob(string Model, PromptText Prompt, PromptText Negative, GenerationOptions Options, LoadOptions Load,
    string Output, bool Json)
{
    public string? Init { get; init; }

    public string? Mask { get; init; }

    public IReadOnlyList<LoraArgument> Loras { get; init; } = [];

    public string? Control { get; init; }

    public string? ControlImage { get; init; }

    public bool Tile { get; init; }

    public bool NoTile { get; init; }

    public bool Preview { get; init; }

    public GenerationSettings? Before { get; init; }

    public int Run()
    {
        using var interruption = new Interruption("stopping after this step.");
        using var scope = NewDisposeScope();
        // A LoRA that cannot be read is found before gigabytes are; it is merged before weights become 8-bit integers.
        var adapters = Loras.Select(l => LoraAdapter.Load(l.Path)).ToList();
        // Sizes, blocks, missing parts and memory are known from headers, before gigabytes are read.
        var onCpu = Load.Device is null || Load.Device.type == DeviceType.CPU;
        var plan = GenerationPlan.Of(Model, Load, Options);
        if (onCpu)
        {
            Say($"plan         {plan.Line}");
            foreach (var note in plan.Notes) Say($"             {note}");
        }
        var inputs = new GenerationInputs
        {
            Picture = Init is null ? null : Pixels(Init, 3),
            Mask = Mask is null ? null : Pixels(Mask, 1),
            Control = ControlImage is null ? null : Pixels(ControlImage, 3),
        };
        var clock = System.Diagnostics.Stopwatch.StartNew();
        // The smaller one first: what is wrong with it is told at once.
        using var control = Control is null ? null
            : ControlNet.Load(Control, Load.Dtype ?? ScalarType.Float32, Load.Device, interruption.Token);
        if (control?.Unused is { Count: > 0 } unused)
            Console.Error.WriteLine(
                $"cresset: {Control}: {unused.Count} keys belong to nothing in the ControlNet and are not used "
                    + $"({string.Join(", ", unused.Take(3))}{(unused.Count > 3 ? ", ..." : "")})");
        using var model = StableDiffusion3.Load(Model, Load with { EightBits = Load.EightBits && adapters.Count == 0 },
            new Line<string>(part => Say($"loading      {part}")), interruption.Token);
        foreach (var (adapter, lora) in adapters.Zip(Loras)) Merge(model, adapter, lora);
        if (Load.EightBits && adapters.Count > 0)
        {
            WeightQuantization.ToEightBits(model.Transformer);
            if (model.Text.T5 is { } t5) WeightQuantization.ToEightBits(t5);
        }
        model.Control = control;
        if (onCpu) plan.Apply(model);
        if (Tile) model.Vae.Tiling ??= new VaeTiling(Math.Min(512, model.Vae.Options.SampleSize), model.Vae.Options.Downscale);
        if (NoTile) model.Vae.Tiling = null;
        Say($"seed         {Options.Seed}");
        Say($"loaded in    {Terminal.Output.Duration(clock.Elapsed)}");
        clock.Restart();
        using var wanted = model.Text.Encode(Prompt, Options.ClipSkip, Options.T5Length);
        using var unwanted = Options.Guidance.IsOn ? model.Text.Encode(Negative, clipSkip: 0, Options.T5Length) : null;
        // Their work is done: steps and decoding have the memory to themselves.
        model.Text.Release();
        using var made = model.Generate(wanted, unwanted, Options, inputs, new Line<GenerationStep>(step => Report(step, clock.Elapsed)),
            cancellation: interruption.Token);
        foreach (var adapter in adapters) adapter.Dispose();
        var settings = new GenerationSettings(Prompt, Negative,
            Options with { Schedule = Options.Schedule ?? model.Schedule, Sampler = Options.Sampler ?? model.Sampler })
        {
            Model =
                Path.GetFileName(Path.TrimEndingDirectorySeparator(Model)),
            Files = Others()
        };
        if (Before is not null && !Before.Files.SequenceEqual(settings.Files))
            Console.Error.WriteLine(
                $"cresset: the picture of --from was made with "
                    + $"{(Before.Files.Count == 0 ? "no other files" : string.Join(", ", Before.Files))}, this one with "
                    + $"{(settings.Files.Count == 0 ? "none" : string.Join(", ", settings.Files))}");
        if (!Options.Guidance.IsOn && Negative is { Text.Length: > 0 })
            Console.Error.WriteLine($"cresset: the negative prompt had no effect: guidance is off (--cfg above 1 turns it on)");
        foreach (var note in made.Notes.Concat(wanted.Notes).Concat((unwanted?.Notes ?? []).Select(n => "negative prompt: " + n)))
            Console.Error.WriteLine("cresset: " + note);
        var files = (made with { Settings = settings }).Save(Output);
        if (Json) Terminal.Output.Json(new { files, seed = Options.Seed, seconds = clock.Elapsed.TotalSeconds });
        else foreach (var file in files) Console.Out.WriteLine($"picture      {file}");
        return ExitCode.Success;
    }

    // What beside the checkpoint makes the picture what it is.
    private List<string> Others()
    {
        var files = new List<string>();
        foreach (var lora in Loras) files.Add($"LoRA {Path.GetFileName(lora.Path)} {Terminal.Output.Number(lora.Scales.Transformer)}");
        foreach (var (what, path) in new[] { ("initial picture", Init), ("mask", Mask), ("ControlNet", Control),
            ("control picture", ControlImage) })
        {
            if (path is not null) files.Add($"{what} {Path.GetFileName(path)}");
        }
        return files;
    }

    private void Merge(StableDiffusion3 model, LoraAdapter adapter, LoraArgument lora)
    {
        adapter.Merge(model, lora.Scales);
        if (adapter.LeftOut is { Count: > 0 } left)
            Console.Error.WriteLine(
                $"cresset: {lora.Path}: {left.Count} keys are not adapter keys of these networks and are left out "
                    + $"({string.Join(", ", left.Take(3))}{(left.Count > 3 ? ", ..." : "")})");
        var parts = adapter.Layers.Where(p => lora.Scales.Of(p.Part) != 0).GroupBy(p => p.Part)
            .Select(g => $"{LoraArgument.Name(g.Key)} {Terminal.Output.Number(lora.Scales.Of(g.Key))} ({g.Count()} layers)");
        Say($"lora         {lora.Path}: {string.Join(", ", parts.DefaultIfEmpty("left out"))}");
    }

    private void Report(GenerationStep step, TimeSpan elapsed)
    {
        using var owned = step;
        Say($"step         {step.Step}/{step.Steps}  {Terminal.Output.Duration(elapsed)}");
        if (!Preview || step.Predicted.size(1) != 16) return;
        using var scope = NewDisposeScope();
        var rgb = LatentPreview.ToRgb(step.Predicted).cpu().contiguous();
        AtomicFile.WriteBytes(Path.ChangeExtension(Output, null) + "-preview.png",
            Picture.FromPlanes(rgb[0].contiguous().data<float>().ToArray(), 3, (int)rgb.size(2), (int)rgb.size(3)).ToPng());
    }

    private void Say(string text)
    {
        if (!Json) Console.Error.WriteLine(text);
    }

    // A picture file as [1, C, H, W] in 0..1 at the size asked for.
    private Tensor Pixels(string path, int channels)
    {
        if (!File.Exists(path)) throw new FileNotFoundException($"{path} is not there.", path);
        // Upright as EXIF says; transparent pixels are white, and no part of a mask.
        var picture = PicturePlanes.Load(path, channels, channels == 1 ? "black" : "white");
        if (Math.Abs(Math.Log((double)picture.Width * Options.Height / ((double)picture.Height * Options.Width))) > 0.02)
            Console.Error.WriteLine(
                $"cresset: {path} is {picture.Width}x{picture.Height} and is stretched to {Options.Width}x{Options.Height}; --size or a "
                    + "cropped picture keeps its shape");
        using var scope = NewDisposeScope();
        var rgb = tensor(picture.Values, [1, channels, picture.Height, picture.Width]);
        if (picture.Width != Options.Width || picture.Height != Options.Height)
            rgb = channels == 1 ? Upsample.Apply(rgb, [Options.Height, Options.Width])
                : Upsample.Apply(rgb, [Options.Height, Options.Width], mode: ResizeMode.Bicubic, antialias: true).clamp_(0, 1);
        return rgb.contiguous().MoveToOuterDisposeScope();
    }

    private sealed class Line<T>(Action<T> write) : IProgress<T>
    {
        public void Report(T value) => write(value);
    }
}
