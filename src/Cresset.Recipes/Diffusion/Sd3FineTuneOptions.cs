using Cresset.Diffusion;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>How far a fine-tuning reaches.</summary>
internal enum FineTuneReach
{
    /// <summary>Low-rank changes of the attention.</summary>
    Lora,

    /// <summary>All weights of the transformer.</summary>
    Full,
}

/// <summary>Fine-tuning of a Stable Diffusion 3 checkpoint on a folder of pictures with captions.</summary>
internal sealed record Sd3FineTuneOptions : IOptionsRecord
{
    /// <summary>The checkpoint: a diffusers folder or a single file.</summary>
    public string Checkpoint { get; init; } = "";

    /// <summary>A file or folder with the autoencoder, where the checkpoint has none or another one is wanted.</summary>
    public string Vae { get; init; } = "";

    /// <summary>As <see cref="Vae"/>, for CLIP-L.</summary>
    public string ClipL { get; init; } = "";

    /// <summary>As <see cref="Vae"/>, for CLIP-G.</summary>
    public string ClipG { get; init; } = "";

    /// <summary>As <see cref="Vae"/>, for T5.</summary>
    public string T5 { get; init; } = "";

    /// <summary>T5's spiece.model, which single files do not carry.</summary>
    public string T5Tokenizer { get; init; } = "";

    /// <summary>Folder of CLIP-L's tokenizer, where it is not the released one.</summary>
    public string ClipLTokenizer { get; init; } = "";

    /// <summary>As <see cref="ClipLTokenizer"/>, for CLIP-G.</summary>
    public string ClipGTokenizer { get; init; } = "";

    /// <summary>Train without T5 on purpose. Where it is missing and this is not said, the run is refused.</summary>
    public bool NoT5 { get; init; }

    /// <summary>Folder of pictures (PNG, JPEG, WebP), each with its caption in a .txt file of the same name.</summary>
    public string Pictures { get; init; } = "";

    /// <summary>Caption of pictures without a .txt file.</summary>
    public string Caption { get; init; } = "";

    /// <summary>
    /// File for latents and embeddings; empty puts cache.safetensors into the folder of pictures. An existing one is used while pictures,
    /// captions, size and encoders are those it was made from, and made anew otherwise.
    /// </summary>
    public string Cache { get; init; } = "";

    /// <summary>Side that pictures are cropped and scaled to, a multiple of 16.</summary>
    public int Size { get; init; } = 512;

    /// <summary>Low-rank changes or all weights.</summary>
    public FineTuneReach Reach { get; init; }

    /// <summary>Rank of the changes.</summary>
    public int Rank { get; init; } = 4;

    /// <summary>Share of captions emptied, so that guidance keeps working.</summary>
    public double CaptionDropout { get; init; } = 0.1;

    /// <summary>Tokens for T5.</summary>
    public int T5Length { get; init; } = 77;

    /// <summary>How training times are spread.</summary>
    public TrainingTimeKind Times { get; init; } = TrainingTimeKind.LogitNormal;

    /// <summary>Weights of the error.</summary>
    public LossWeighting Weighting { get; init; }

    /// <summary>Shift of the noise levels in training.</summary>
    public double Shift { get; init; } = 3;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .NotEmpty(Checkpoint, "Name the folder or file of a Stable Diffusion 3 checkpoint: model.checkpoint=PATH.")
        .NotEmpty(Pictures, "Name the folder of pictures: model.pictures=PATH.")
        .Must(Size > 0 && Size % 16 == 0, Size, "a multiple of 16", field: nameof(Size))
        .Defined(Reach)
        .AtLeast(Rank, 1)
        .Within(CaptionDropout, 0, 1)
        .AtLeast(T5Length, 1)
        .Defined(Times)
        .Defined(Weighting)
        .Positive(Shift);
}
