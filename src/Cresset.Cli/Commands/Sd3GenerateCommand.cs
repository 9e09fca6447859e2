using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Diffusion;
using Cresset.Numerics;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset sd3 generate</c>: pictures from a prompt, from a picture, inside a mask.</summary>
internal static class Sd3GenerateCommand
{
    private const int TurboSteps = 4;
    private static readonly PartCatalog Parts = new(typeof(SamplerOptions).Assembly);

    private static readonly Dictionary<string, NoiseLike> NoiseTypes = new()
    {
        ["float32"] = NoiseLike.Float32,
        ["float16"] = NoiseLike.Float16,
        ["bfloat16"] = NoiseLike.BFloat16
    };

    private static IEnumerable<string> Noises => NoiseTypes.Keys;

    private static SamplerOptions Sampler(string name)
        => Parts.Find("sampler", name)?.Create() as SamplerOptions
            ?? throw new ArgumentException($"--sampler: {Parts.Unknown("sampler", name)}");

    public static Command Create()
    {
        // Defaults are the library's; what is printed here is read from its records.
        var standard = new GenerationOptions();
        var model = Sd3Command.Model();
        var prompt = new Option<string?>("--prompt", "-p") { Description = "What to show." };
        var from = new Option<string?>(
            "--from")
        {
            Description = "A picture that this command made: its prompt, seed and settings, which other options change.",
            HelpName = "PNG"
        };
        var clipGPrompt = new Option<string?>("--prompt-clip-g") { Description = "Another prompt for CLIP-G." };
        var t5Prompt = new Option<string?>("--prompt-t5") { Description = "Another prompt for T5." };
        var t5Length = new Option<int?>("--t5-length") { Description = $"Tokens for T5 (default {standard.T5Length})." };
        var clipSkip = new Option<int?>("--clip-skip") { Description = "Layers of CLIP to leave out beyond the last one." };
        var negative = new Option<string?>("--negative") { Description = "What not to show." };
        var steps = new Option<int?>(
            "--steps")
        { Description = $"Number of steps (default {standard.Steps}; {TurboSteps} for turbo models)." };
        var cfg = new Option<double?>(
            "--cfg")
        { Description = Text($"Guidance; 1 turns it off (default {standard.Guidance.Scale}; 1 for turbo models).") };
        var seed = new Option<string?>(
            "--seed")
        { Description = $"The same seed makes the same picture; 'random' draws one (default {standard.Seed})." };
        var size = new Option<string?>(
            "--size")
        {
            Description =
                $"Width x height, or one number for a square; multiples of 16 for released models (default "
                    + $"{standard.Width}x{standard.Height}).",
            HelpName = "WxH"
        };
        var count = new Option<int?>("--count",
            "-n")
        { Description = $"Number of pictures, with seeds that follow one another (default {standard.Count})." };
        var sampler = new Option<string?>(
            "--sampler")
        {
            Description = "One of 'cresset list --samplers' (default: the checkpoint's, which is euler unless its scheduler says another).",
            HelpName = "NAME"
        };
        var noise = new Option<string?>(
            "--noise-like")
        {
            Description = "Draw the noise that a diffusers pipeline in this type draws: " + string.Join(", ", Noises)
                + $" (default {standard.NoiseLike.ToString().ToLowerInvariant()}).",
            HelpName = "TYPE"
        };
        var init = new Option<string?>("--init") { Description = "Picture to start from.", HelpName = "IMAGE" };
        var strength = new Option<double?>(
            "--strength")
        { Description = Text($"How far to leave the picture, 0 to 1 (default {standard.Strength}).") };
        var mask = new Option<string?>(
            "--mask")
        {
            Description = "Picture whose white part is painted anew, grey parts in the later steps alone; needs --init.",
            HelpName = "IMAGE"
        };
        var skipScale = new Option<double?>(
            "--skip-scale")
        { Description = Text($"Weight of skip-layer guidance (default {standard.Guidance.SkipScale}).") };
        var skipStart = new Option<double?>(
            "--skip-start")
        { Description = Text($"Part of the steps after which it begins (default {standard.Guidance.SkipStart}).") };
        var skipStop = new Option<double?>(
            "--skip-stop")
        { Description = Text($"Part of the steps at which it stops (default {standard.Guidance.SkipStop}).") };
        var skip = new Option<int[]>("--skip-layers")
        {
            Description = "Blocks to leave out for skip-layer guidance (7 8 9 for 3.5 medium).",
            AllowMultipleArgumentsPerToken = true
        };
        var zero = new Option<bool>("--cfg-zero") { Description = "CFG-zero* guidance." };
        var rescale = new Option<double?>("--rescale") { Description = "Rescaling of guidance, 0 to 1." };
        var lora = new Option<string[]>(
            "--lora")
        {
            Description = "LoRA file to merge; 'file:0.8' sets its strength, 'file:0.8:0.5' another one for the text encoders.",
            HelpName = "FILE[:SCALE[:TEXT]]",
            AllowMultipleArgumentsPerToken = true
        };
        var loraSkip = new Option<string[]>(
            "--lora-skip")
        {
            Description = "Parts that LoRA files leave as they are: " + string.Join(", ", LoraArgument.Parts) + ".",
            HelpName = "PART",
            AllowMultipleArgumentsPerToken = true
        };
        var control = new Option<string?>("--controlnet") { Description = "Folder of a ControlNet.", HelpName = "DIR" };
        var controlImage = new Option<string?>("--control-image") { Description = "Picture for the ControlNet.", HelpName = "IMAGE" };
        var controlScale = new Option<double?>(
            "--control-scale")
        { Description = Text($"Strength of the ControlNet (default {standard.ControlScale}).") };
        var controlStart = new Option<double?>(
            "--control-start")
        { Description = Text($"Part of the steps at which it begins (default {standard.ControlStart}).") };
        var controlEnd = new Option<double?>(
            "--control-end")
        { Description = Text($"Part of the steps at which it ends (default {standard.ControlEnd}).") };
        var tile = new Option<bool>(
            "--tile")
        {
            Description =
                "Decode in tiles in any case; otherwise where whole pictures would take more than an eighth of the memory."
        };
        var noTile = new Option<bool>("--no-tile") { Description = "Never decode in tiles." };
        var preview = new Option<bool>("--preview") { Description = "Write a small preview beside the output after each step." };
        var output = new Option<string>("--output", "-o")
        {
            Description = "PNG to write; several get -1, -2, ... before the end.",
            DefaultValueFactory = _ => "sd3.png",
            HelpName = "FILE"
        };
        var json = SharedOptions.Json();
        var load = new Sd3LoadArguments();
        var command = new Command("generate", "Make pictures.")
        {
            model, prompt, from, clipGPrompt, t5Prompt, t5Length, clipSkip, negative, steps, cfg, seed, size, count, sampler, noise, init,
            strength, mask, skip, skipScale, skipStart, skipStop,
            zero, rescale, lora, loraSkip, control, controlImage, controlScale, controlStart, controlEnd,
            tile, noTile, preview, output, json,
        };
        load.AddTo(command);
        command.SetAction(r =>
        {
            var old = r.GetValue(from) is { } picture ? GenerationSettings.FromPicture(picture) : null;
            var words = r.GetValue(prompt) ?? old?.Prompt.Text
                ?? throw new ArgumentException("--prompt is not given: say what to show, or name a picture made before (--from).");
            var asked = new PromptText(words, r.GetValue(clipGPrompt) ?? old?.Prompt.ClipG, r.GetValue(t5Prompt) ?? old?.Prompt.T5);
            var start = old?.Options ?? Defaults(r.GetValue(model)!, r.GetValue(steps) is null || r.GetValue(cfg) is null);
            var (width, height) = r.GetValue(size) is { } sides ? Size(sides) : (start.Width, start.Height);
            var options = start with
            {
                Width = width,
                Height = height,
                Steps = r.GetValue(steps) ?? start.Steps,
                Seed = r.GetValue(seed) is { } number ? Seed(number) : start.Seed,
                Count = r.GetValue(count) ?? start.Count,
                Strength = r.GetValue(strength) ?? start.Strength,
                Sampler = r.GetValue(sampler) is { } name ? Sampler(name) : start.Sampler,
                NoiseLike = r.GetValue(noise) is { } type ? Named("--noise-like", type, NoiseTypes) : start.NoiseLike,
                Schedule = load.Shift(r) is { } shift && start.Schedule is { } schedule ? schedule with { Shift = shift } : start.Schedule,
                T5Length = r.GetValue(t5Length) ?? start.T5Length,
                ClipSkip = r.GetValue(clipSkip) ?? start.ClipSkip,
                ControlScale = r.GetValue(controlScale) ?? start.ControlScale,
                ControlStart = r.GetValue(controlStart) ?? start.ControlStart,
                ControlEnd = r.GetValue(controlEnd) ?? start.ControlEnd,
                Guidance = start.Guidance with
                {
                    Scale = r.GetValue(cfg) ?? start.Guidance.Scale,
                    ZeroStar = r.GetValue(zero) || start.Guidance.ZeroStar,
                    Rescale = r.GetValue(rescale) ?? start.Guidance.Rescale,
                    SkipLayers = r.GetValue(skip) is { Length: > 0 } blocks ? blocks : start.Guidance.SkipLayers,
                    SkipScale = r.GetValue(skipScale) ?? start.Guidance.SkipScale,
                    SkipStart = r.GetValue(skipStart) ?? start.Guidance.SkipStart,
                    SkipStop = r.GetValue(skipStop) ?? start.Guidance.SkipStop,
                },
            };
            // Everything that can be wrong is found before gigabytes are read.
            options.ThrowIfInvalid();
            Needs(r, init, "the picture it belongs to", mask, strength);
            Needs(r, control, "the net it belongs to", controlScale, controlStart, controlEnd);
            Needs(r, lora, "the file whose parts are left out", loraSkip);
            if (options.Guidance.SkipLayers.Count == 0) Needs(r, skip, "the blocks it belongs to", skipScale, skipStart, skipStop);
            if (r.GetValue(init) is not null && NoiseTable.StartStep(options.Steps, options.Strength) >= options.Steps)
                throw new ArgumentException(
                    Text($"--strength is {options.Strength}: none of the {options.Steps} steps remains; raise one of them."));
            if ((r.GetValue(control) is null) != (r.GetValue(controlImage) is null))
                throw new ArgumentException("--controlnet and --control-image belong together.");
            var loras = (r.GetValue(lora) ?? []).Select(text => LoraArgument.Parse(text, r.GetValue(loraSkip) ?? [])).ToList();
            Output.RequirePng(output.Name, r.GetValue(output)!);
            foreach (var path in (string?[])[r.GetValue(control), .. loras.Select(l => l.Path)])
            {
                if (path is not null && !Path.Exists(path)) throw new FileNotFoundException($"{path} is not there.", path);
            }
            if (r.GetValue(tile) && r.GetValue(noTile)) throw new ArgumentException("--tile and --no-tile exclude each other.");
            var unwanted = r.GetValue(negative) is { } not ? PromptText.FromString(not) : old?.Negative ?? PromptText.Empty;
            var job = new Sd3GenerateJob(r.GetValue(model)!, asked, unwanted, options, load.Of(r), r.GetValue(output)!, r.GetValue(json))
            {
                Init = r.GetValue(init),
                Mask = r.GetValue(mask),
                Loras = loras,
                Control = r.GetValue(control),
                ControlImage = r.GetValue(controlImage),
                Tile = r.GetValue(tile),
                NoTile = r.GetValue(noTile),
                Before = old,
                Preview = r.GetValue(preview),
            };
            return job.Run();
        });
        return command.WithExamples(
            "cresset sd3 generate --model stable-diffusion-3.5-medium --prompt \"a lighthouse in a storm\" --seed 7",
            "cresset sd3 generate -m sd3.5_large_turbo.safetensors -p \"a red fox\" --steps 4 --cfg 1 --no-t5",
            "cresset sd3 generate -m sd3-medium -p \"in winter\" --init photo.png --strength 0.5",
            "cresset sd3 generate -m sd3-medium --from sd3.png --steps 40 -o finer.png");
    }

    // An option that would change nothing is a slip: it is said before a minute is spent.
    private static void Needs(ParseResult result, Option other, string why, params Option[] options)
    {
        if (result.GetResult(other) is { Implicit: false }) return;
        if (options.FirstOrDefault(o => result.GetResult(o) is { Implicit: false }) is { } alone)
            throw new ArgumentException($"{alone.Name} needs {other.Name}, {why}.");
    }

    private static T Named<T>(string option, string name, Dictionary<string, T> values) => values.TryGetValue(name, out var value) ? value
        : throw new ArgumentException(
            $"{option} is '{name}'; allowed are {string.Join(", ", values.Keys)}.{NearestName.Suggest(name, values.Keys)}");

    private static ulong Seed(string text) =>
        text == "random" ? (ulong)Random.Shared.NextInt64(0, uint.MaxValue)
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seed) ? seed
        : throw new ArgumentException($"--seed is '{text}'; allowed are whole numbers from 0, or 'random'.");

    // Turbo models are distilled for few steps without guidance. Their weights look like the others': the name tells.
    private static GenerationOptions Defaults(string model, bool says)
    {
        var options = new GenerationOptions();
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(model));
        if (!name.Contains("turbo", StringComparison.OrdinalIgnoreCase)) return options;
        if (says)
            Console.Error.WriteLine(
                $"cresset: {name} is a turbo model by its name: {TurboSteps} steps without guidance, unless --steps and --cfg say "
                    + $"otherwise");
        return options with { Steps = TurboSteps, Guidance = options.Guidance with { Scale = 1 } };
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    public static (int Width, int Height) Size(string text)
    {
        var parts = text.Split('x', 'X');
        if (parts.Length is 1 or 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var width)
            && int.TryParse(parts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var height)) return (width, height);
        throw new ArgumentException($"--size is '{text}'; write WIDTHxHEIGHT, for example 1024x768.");
    }
}
