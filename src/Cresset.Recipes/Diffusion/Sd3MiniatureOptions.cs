using Cresset.Diffusion;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>A miniature Stable Diffusion 3 that learns to draw small grey pictures from words.</summary>
internal sealed record Sd3MiniatureOptions : IOptionsRecord
{
    /// <summary>
    /// The autoencoder in whose latents it works: <c>garments</c> is the one that comes with Cresset (grey pictures, factor 2), a path the
    /// folder that a run of
    /// <c>vae-garments</c> left or another of that layout; empty works on pixels.
    /// Pictures are encoded once, before training: <c>data.augment</c> then gives each of them one variant for all epochs.
    /// </summary>
    public string Autoencoder { get; init; } = "";

    /// <summary>One CLIP, or two and T5 as the large model has.</summary>
    public MiniatureEncoders Encoders { get; init; }

    /// <summary>Side of a patch, in pixels of the latent.</summary>
    public int PatchSize { get; init; } = 2;

    /// <summary>Width of the transformer.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Heads of the transformer.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>Joint blocks of the transformer.</summary>
    public int Layers { get; init; } = 3;

    /// <summary>Width of the text embeddings.</summary>
    public int TextWidth { get; init; } = 32;

    /// <summary>Share of prompts replaced by the empty one in training, so that guidance can be learnt.</summary>
    public double PromptDropout { get; init; } = 0.1;

    /// <summary>How training times are spread.</summary>
    public TrainingTimeKind Times { get; init; } = TrainingTimeKind.LogitNormal;

    /// <summary>Guidance when drawing: 1 is the plain model, more follows the prompt more closely and varies less.</summary>
    public double Guidance { get; init; } = 1.75;

    /// <summary>Steps when drawing.</summary>
    public int DrawSteps { get; init; } = 20;

    /// <summary>How a step is made when drawing (cresset list --samplers).</summary>
    public SamplerOptions Sampler { get; init; } = new EulerSamplerOptions();

    /// <summary>Pictures that the final evaluation draws.</summary>
    public int FinalDraws { get; init; } = 600;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Autoencoder is not null, Autoencoder, "a name or a path, or empty")
        .Defined(Encoders)
        .Must(PatchSize is 1 or 2 or 4, PatchSize, "1, 2 or 4", field: nameof(PatchSize))
        .Positive(Layers)
        .Positive(Heads)
        .Must(Heads > 0 && Width > 0 && Width % (4 * Heads) == 0, Width, $"a multiple of 4 * Heads ({4 * Heads})", field: nameof(Width))
        .Must(TextWidth > 0 && TextWidth % (Encoders == MiniatureEncoders.All ? 4 : 2) == 0, TextWidth,
            Encoders == MiniatureEncoders.All ? "a multiple of 4" : "an even number", field: nameof(TextWidth))
        .Within(PromptDropout, 0, 1)
        .Defined(Times)
        .Must(double.IsFinite(Guidance) && Guidance >= 1, Guidance, "1 or more", "1 is the plain model.", nameof(Guidance))
        .AtLeast(DrawSteps, 1)
        .Must(Sampler is not null, Sampler, "a sampler (cresset list --samplers)")
        .Nested(Sampler)
        .AtLeast(FinalDraws, 100);
}
