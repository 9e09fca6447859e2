using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// Stable Diffusion 3 and 3.5, whole: text encoders, transformer and autoencoder. Makes pictures from prompts, from pictures
/// and inside masks, with ControlNets and LoRAs. One call at a time per instance.
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
        if (vae.Options.LatentChannels != transformer.Options.OutChannels) throw new ArgumentException($"The autoencoder has {vae.Options.LatentChannels} latent channels, the transformer makes {transformer.Options.OutChannels}: they belong to different models.", nameof(vae));
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
    public GenerationResult Generate(PromptText prompt, PromptText? negative = null, GenerationOptions? options = null, GenerationInputs? inputs = null, IProgress<GenerationStep>? progress = null, bool latentsOnly = false, CancellationToken cancellation = default)
    {
        options = (options ?? new GenerationOptions()).ThrowIfInvalid();
        Check(options, inputs);
        using var scope = NewDisposeScope();
        using var wanted = Text.Encode(prompt, options.ClipSkip, options.T5Length);
        // Layers are left out for the prompt alone, as the reference does.
        using var unwanted = options.Guidance.IsOn ? Text.Encode(negative ?? PromptText.Empty, clipSkip: 0, options.T5Length) : null;
        var result = Generate(wanted, unwanted, options, inputs, progress, latentsOnly, cancellation);
        return result with { Notes = [.. result.Notes, .. wanted.Notes] };
    }

    /// <summary>As above, for prompts encoded before; <paramref name="unwanted"/> is needed when guidance is on.</summary>
    public GenerationResult Generate(PromptEmbedding wanted, PromptEmbedding? unwanted, GenerationOptions options, GenerationInputs? inputs = null, IProgress<GenerationStep>? progress = null, bool latentsOnly = false, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        inputs ??= new GenerationInputs();
        Check(options, inputs);
        if (options.Guidance.IsOn && unwanted is null) throw new ArgumentNullException(nameof(unwanted), "Guidance above 1 needs the embedding of the negative (or empty) prompt.");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var run = new GenerationRun(this, options, inputs);
        var latents = run.Sample(wanted, unwanted, progress, cancellation);
        Tensor? pictures = null;
        if (!latentsOnly)
        {
            cancellation.ThrowIfCancellationRequested();
            pictures = Vae.Decode(latents).to(ScalarType.Float32).div_(2).add_(0.5).clamp_(0, 1).cpu().DetachFromDisposeScope();
        }
        return new GenerationResult(pictures, latents.DetachFromDisposeScope(), []);
    }

    /// <summary>Frees all parts.</summary>
    public void Dispose()
    {
        Transformer.Dispose();
        Vae.Dispose();
        Text.Dispose();
    }

    private void Check(GenerationOptions options, GenerationInputs? inputs)
    {
        var unit = Vae.Options.Downscale * Transformer.Options.PatchSize;
        if (options.Width % unit != 0 || options.Height % unit != 0)
        {
            static int Near(int size, int unit) => Math.Max(unit, (size + (unit / 2)) / unit * unit);
            throw new ArgumentException($"The size {options.Width}x{options.Height} is not a multiple of {unit}; try {Near(options.Width, unit)}x{Near(options.Height, unit)}.", nameof(options));
        }
        var largest = unit * Transformer.Options.PositionTableSize;
        if (options.Width > largest || options.Height > largest) throw new ArgumentException($"The size {options.Width}x{options.Height} is more than this checkpoint's table of positions allows: at most {largest} pixels a side.", nameof(options));
        foreach (var layer in options.Guidance.SkipLayers)
        {
            if (layer < 0 || layer >= Transformer.Options.Layers) throw new ArgumentException($"SkipLayers names block {layer}; the transformer has blocks 0 to {Transformer.Options.Layers - 1}.", nameof(options));
        }
        if (inputs is null) return;
        if (inputs.Mask is not null && inputs.Picture is null) throw new ArgumentException("A mask needs the picture it belongs to.", nameof(inputs));
        if (inputs.Control is not null && Control is null) throw new ArgumentException("A control picture was given, but no ControlNet is set.", nameof(inputs));
        long height = options.Height, width = options.Width, down = Vae.Options.Downscale;
        if (inputs.Picture is { } picture)
        {
            if (picture.dim() == 4 && picture.size(1) == Vae.Options.LatentChannels) Shape.Expect(picture, "N C H W", [("H", height / down), ("W", width / down)]);
            else Shape.Expect(picture, "N C H W", [("C", Vae.Options.ImageChannels), ("H", height), ("W", width)]);
        }
        if (inputs.Mask is { } mask) Shape.Expect(mask, "N 1 H W", [("H", height), ("W", width)]);
        if (inputs.Control is { } control) Shape.Expect(control, "N 3 H W", [("H", height), ("W", width)]);
        if (inputs.Latents is { } latents) Shape.Expect(latents, "N C H W", [("N", options.Count), ("C", Vae.Options.LatentChannels), ("H", height / down), ("W", width / down)]);
    }
}
