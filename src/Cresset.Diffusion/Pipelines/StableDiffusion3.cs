using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// Stable Diffusion 3 and 3.5, whole: text encoders, transformer and autoencoder. Makes pictures from prompts, from pictures and inside
/// masks, with ControlNets and LoRAs. One call at a time per instance.
/// </summary>
/// <example><code>
/// using var model = StableDiffusion3.Load("stable-diffusion-3.5-medium");
/// using var result = model.Generate("a lighthouse in a storm", options: new() { Steps = 28, Seed = 7 });
/// </code></example>
public sealed partial class StableDiffusion3 : IDisposable
{
    /// <summary>Joins the parts, which it then owns.</summary>
    public StableDiffusion3(MmDit transformer, Vae vae, TextEncoders text, ScheduleOptions? schedule = null)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        ArgumentNullException.ThrowIfNull(vae);
        ArgumentNullException.ThrowIfNull(text);
        if (vae.Options.LatentChannels != transformer.Options.OutChannels)
            throw new ArgumentException(
                $"The autoencoder has {vae.Options.LatentChannels} latent channels, the transformer makes "
                    + $"{transformer.Options.OutChannels}: they belong to different models.", nameof(vae));
        (Transformer, Vae, Text, Schedule) = (transformer, vae, text, schedule ?? new ScheduleOptions());
    }

    /// <summary>The transformer.</summary>
    public MmDit Transformer { get; }

    /// <summary>The autoencoder.</summary>
    public Vae Vae { get; }

    /// <summary>The text encoders.</summary>
    public TextEncoders Text { get; }

    /// <summary>Noise levels of the checkpoint.</summary>
    public ScheduleOptions Schedule { get; }

    /// <summary>Sampler of the checkpoint: Euler's, unless its scheduler says another.</summary>
    public SamplerOptions Sampler { get; internal init; } = new EulerSamplerOptions();

    /// <summary>A ControlNet to use where a control picture is given; stays the caller's.</summary>
    public ControlNet? Control { get; set; }

    /// <summary>Makes pictures for one prompt.</summary>
    /// <param name="prompt">What to show.</param>
    /// <param name="negative">What not to show.</param>
    /// <param name="options">Size, steps, guidance, seed.</param>
    /// <param name="inputs">A picture to start from, a mask, a control picture.</param>
    /// <param name="progress">Called after each step, on the calling thread.</param>
    /// <param name="latentsOnly">Leave out the decoding.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    /// <exception cref="ArgumentException">Options or inputs are not allowed; nothing was computed.</exception>
    /// <exception cref="InvalidDataException">What came out is not finite.</exception>
    public GenerationResult Generate(PromptText prompt, PromptText? negative = null, GenerationOptions? options = null,
        GenerationInputs? inputs = null, IProgress<GenerationStep>? progress = null, bool latentsOnly = false,
        CancellationToken cancellation = default)
    {
        options = (options ?? new GenerationOptions()).ThrowIfInvalid();
        Check(options, inputs);
        using var scope = NewDisposeScope();
        using var wanted = Text.Encode(prompt, options.ClipSkip, options.T5Length);
        // Layers are left out for the prompt alone, as the reference does.
        using var unwanted = options.Guidance.IsOn ? Text.Encode(negative ?? PromptText.Empty, clipSkip: 0, options.T5Length) : null;
        var result = Generate(wanted, unwanted, options, inputs, progress, latentsOnly, cancellation);
        return result with
        {
            Notes = [.. result.Notes, .. Ignored(negative, options), .. wanted.Notes,
                .. (unwanted?.Notes ?? []).Select(n => "Negative prompt: " + n)],
            Settings = new GenerationSettings(prompt, negative, Settled(options))
        };
    }

    /// <summary>As above, for prompts encoded before; <paramref name="unwanted"/> is needed when guidance is on.</summary>
    public GenerationResult Generate(PromptEmbedding wanted, PromptEmbedding? unwanted, GenerationOptions options,
        GenerationInputs? inputs = null, IProgress<GenerationStep>? progress = null, bool latentsOnly = false,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        inputs ??= new GenerationInputs();
        Check(options, inputs);
        if (options.Guidance.IsOn && unwanted is null)
            throw new ArgumentNullException(nameof(unwanted), "Guidance above 1 needs the embedding of the negative (or empty) prompt.");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var run = new GenerationRun(this, options, inputs);
        var latents = run.Sample(wanted, unwanted, progress, cancellation);
        if (!latents.isfinite().all().item<bool>())
            throw new InvalidDataException(
                "The latents are not numbers any more (NaN or infinite): a weight or an input is not finite, an adapter is too strong, or "
                    + "half precision overflowed (load with Dtype = Float32; --dtype fp32).");
        Tensor? pictures = null;
        if (!latentsOnly)
        {
            cancellation.ThrowIfCancellationRequested();
            pictures = Vae.Decode(latents).to(ScalarType.Float32).div_(2).add_(0.5).clamp_(0, 1).cpu();
            if (!pictures.isfinite().all().item<bool>())
                throw new InvalidDataException("The autoencoder makes NaN of finite latents: one of its weights is not finite.");
            if (options.KeepUntouched && inputs is { Mask: { } mask, Picture: { } picture } && picture.size(1) == Vae.Options.ImageChannels)
                pictures = where(mask.cpu().eq(0), picture.to(ScalarType.Float32).cpu(), pictures);
            pictures = pictures.DetachFromDisposeScope();
        }
        return new GenerationResult(pictures, latents.DetachFromDisposeScope(), [.. Unused(options)]);
    }

    /// <summary>The options with what they leave to the checkpoint.</summary>
    internal GenerationOptions Settled(GenerationOptions options) =>
        options with { Schedule = options.Schedule ?? Schedule, Sampler = options.Sampler ?? Sampler };

    /// <summary>Frees all parts.</summary>
    public void Dispose()
    {
        Transformer.Dispose();
        Vae.Dispose();
        Text.Dispose();
    }

    private void Check(GenerationOptions options, GenerationInputs? inputs)
    {
        CheckSizes(Transformer.Options, Vae.Options, options);
        if (inputs is null) return;
        if (inputs.Mask is not null && inputs.Picture is null)
            throw new ArgumentException("A mask needs the picture it belongs to.", nameof(inputs));
        if (inputs.Control is not null && Control is null)
            throw new ArgumentException("A control picture was given, but no ControlNet is set.", nameof(inputs));
        long height = options.Height, width = options.Width, down = Vae.Options.Downscale;
        if (inputs.Picture is { } picture)
        {
            if (picture.dim() == 4 && picture.size(1) == Vae.Options.LatentChannels)
                Shape.Expect(picture, "N C H W", [("H", height / down), ("W", width / down)]);
            else Shape.Expect(picture, "N C H W", [("C", Vae.Options.ImageChannels), ("H", height), ("W", width)]);
        }
        if (inputs.Mask is { } mask) Shape.Expect(mask, "N 1 H W", [("H", height), ("W", width)]);
        if (inputs.Control is { } control) Shape.Expect(control, "N 3 H W", [("H", height), ("W", width)]);
        if (inputs.ControlMask is { } controlMask) Shape.Expect(controlMask, "N 1 H W");
        foreach (var (name, tensor) in new[] { (nameof(inputs.Picture), inputs.Picture), (nameof(inputs.Mask), inputs.Mask),
            (nameof(inputs.Control), inputs.Control), (nameof(inputs.ControlMask), inputs.ControlMask) })
        {
            if (tensor is not null && tensor.size(0) != 1 && tensor.size(0) != options.Count)
                throw new ArgumentException(
                    $"{name} has {tensor.size(0)} rows and Count is {options.Count}; give 1, or one for each picture.", nameof(inputs));
        }
        if (inputs.Mask is { } grey && (grey.min().ToDouble() is var low && grey.max().ToDouble() is var high) && !(low >= 0 && high <= 1))
            throw new ArgumentException($"The mask has values from {low} to {high}; they must lie in 0 to 1 (1 repaints).", nameof(inputs));
        if (inputs.Latents is { } latents)
            Shape.Expect(latents, "N C H W",
                [("N", options.Count), ("C", Vae.Options.LatentChannels), ("H", height / down), ("W", width / down)]);
    }

    /// <summary>Refuses what sizes alone forbid; a checkpoint's headers are enough to know.</summary>
    internal static void CheckSizes(MmDitOptions transformer, VaeOptions vae, GenerationOptions options)
    {
        var unit = vae.Downscale * transformer.PatchSize;
        if (options.Width % unit != 0 || options.Height % unit != 0)
        {
            var most = unit * transformer.PositionTableSize;
            int Near(int size, int unit) => (int)Math.Clamp((size + (unit / 2L)) / unit * unit, unit, most);
            throw new ArgumentException(
                $"The size {options.Width}x{options.Height} is not a multiple of {unit}; try "
                    + $"{Near(options.Width, unit)}x{Near(options.Height, unit)}.", nameof(options));
        }
        var largest = unit * transformer.PositionTableSize;
        if (options.Width > largest || options.Height > largest)
            throw new ArgumentException(
                $"The size {options.Width}x{options.Height} is more than this checkpoint's table of positions allows: at most {largest} "
                    + $"pixels per side.", nameof(options));
        CheckSkipLayers(transformer, options.Guidance);
    }

    /// <summary>Refuses text encoders that the transformer does not read, and layers they do not have.</summary>
    internal static void CheckText(MmDitOptions transformer, ClipTextOptions? clipL, ClipTextOptions? clipG, T5EncoderOptions? t5,
        GenerationOptions options)
    {
        foreach (var (name, clip) in new[] { ("CLIP-L", clipL), ("CLIP-G", clipG) })
        {
            if (clip is not null && options.ClipSkip >= clip.Layers)
                throw new ArgumentException($"ClipSkip is {options.ClipSkip}; {name} has {clip.Layers} layers: allowed are 0 to "
                    + $"{clip.Layers - 1}.", nameof(options));
        }
        const string Other = "they belong to different models";
        if (clipL is not null && clipG is not null && clipL.ProjectionWidth + clipG.ProjectionWidth != transformer.PooledWidth)
            throw new InvalidDataException(
                $"CLIP-L and CLIP-G say {clipL.ProjectionWidth} and {clipG.ProjectionWidth} numbers of a prompt; "
                + $"the transformer reads {transformer.PooledWidth}: {Other}.");
        if ((clipL?.Width ?? 0) + (clipG?.Width ?? 0) > transformer.TextWidth)
            throw new InvalidDataException($"The CLIPs are {clipL?.Width ?? 0} and {clipG?.Width ?? 0} wide; the transformer reads "
                + $"{transformer.TextWidth}: {Other}.");
        if (t5 is not null && t5.Width != transformer.TextWidth)
            throw new InvalidDataException($"T5's width is {t5.Width}; the transformer reads {transformer.TextWidth}: {Other}.");
    }

    internal static void CheckSkipLayers(MmDitOptions transformer, GuidanceOptions guidance)
    {
        foreach (var layer in guidance.SkipLayers)
        {
            if (layer < 0 || layer >= transformer.Layers)
                throw new ArgumentException($"SkipLayers names block {layer}; the transformer has blocks 0 to {transformer.Layers - 1}.");
        }
    }

    private static IEnumerable<string> Ignored(PromptText? negative, GenerationOptions options) =>
        negative is { Text.Length: > 0 } && !options.Guidance.IsOn
            ? [$"The negative prompt had no effect: guidance is off (Scale {options.Guidance.Scale})."] : [];

    // What was asked for and has no effect.
    private static IEnumerable<string> Unused(GenerationOptions options)
    {
        var guidance = options.Guidance;
        if (guidance.IsOn)
        {
            if (guidance.SkipLayers.Count > 0 && guidance.SkipStart >= guidance.SkipStop)
                yield return $"SkipLayers had no effect: they begin at {guidance.SkipStart} and stop at {guidance.SkipStop} of the steps.";
            yield break;
        }
        if (guidance.SkipLayers.Count > 0) yield return $"SkipLayers had no effect: guidance is off (Scale {guidance.Scale}).";
        if (guidance.ZeroStar) yield return $"ZeroStar had no effect: guidance is off (Scale {guidance.Scale}).";
        if (guidance.Rescale > 0) yield return $"Rescale had no effect: guidance is off (Scale {guidance.Scale}).";
    }
}
