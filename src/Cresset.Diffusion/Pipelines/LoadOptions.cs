using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>How a model is loaded.</summary>
public sealed record LoadOptions
{
    /// <summary>
    /// Element type of transformer and text encoders. Null keeps float32 and bfloat16 as they are stored; half precision becomes
    /// float32 on a CPU where that fits into half of the memory, and otherwise stays stored as it is. Whatever is stored, CPUs compute in
    /// float32 unless they have instructions for bfloat16.
    /// </summary>
    public ScalarType? Dtype { get; init; }

    /// <summary>Device; null is the CPU.</summary>
    public Device? Device { get; init; }

    /// <summary>Leave T5 out even where the checkpoint has it: by far the largest part.</summary>
    public bool SkipT5 { get; init; }

    /// <summary>Store the matrices of the transformer and T5 in 8 bits.</summary>
    public bool EightBits { get; init; }

    /// <summary>A file or folder with the autoencoder, to use instead of the checkpoint's.</summary>
    public string? VaePath { get; init; }

    /// <summary>A file or folder with CLIP-L, to use instead of the checkpoint's.</summary>
    public string? ClipLPath { get; init; }

    /// <summary>A file or folder with CLIP-G, to use instead of the checkpoint's.</summary>
    public string? ClipGPath { get; init; }

    /// <summary>A file or folder with T5, to use instead of the checkpoint's.</summary>
    public string? T5Path { get; init; }

    /// <summary>A folder with vocab.json and merges.txt for single files with another vocabulary than CLIP's own.</summary>
    public string? ClipLTokenizerPath { get; init; }

    /// <summary>As <see cref="ClipLTokenizerPath"/>, for CLIP-G.</summary>
    public string? ClipGTokenizerPath { get; init; }

    /// <summary>T5's spiece.model, which single files do not carry.</summary>
    public string? T5TokenizerPath { get; init; }

    /// <summary>Shift of the noise levels for single files, which do not carry it.</summary>
    public double? Shift { get; init; }
}
