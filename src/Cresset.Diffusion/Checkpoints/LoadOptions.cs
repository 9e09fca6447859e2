using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>How a model is loaded.</summary>
public sealed record LoadOptions
{
    /// <summary>
    /// Element type of transformer and text encoders. Null keeps float32 and bfloat16 as they are stored, and on a CPU matrices in 8 bits
    /// or fewer too (GGUF's blocks, float8, NF4, int8); half precision becomes float32 on a CPU where that fits into half of the memory,
    /// and otherwise stays stored as it is. Whatever is stored, CPUs compute in float32 unless they have instructions for bfloat16.
    /// </summary>
    public ScalarType? Dtype { get; init; }

    /// <summary>
    /// Keep matrices in 8 bits or fewer as they are stored. False unpacks them, which takes two to eight times the memory: adapters are
    /// merged into unpacked weights only.
    /// </summary>
    public bool KeepPacked { get; init; } = true;

    /// <summary>
    /// Element type in which the transformer and T5 compute where their matrices are packed: Float32 or BFloat16; null takes the faster.
    /// </summary>
    public ScalarType? Compute { get; init; }

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

    /// <summary>T5's spiece.model, or the folder it lies in; single files do not carry it.</summary>
    public string? T5TokenizerPath { get; init; }

    /// <summary>Shift of the noise levels for single files, which do not carry it.</summary>
    public double? Shift { get; init; }

    /// <summary>These options, when they are allowed.</summary>
    internal LoadOptions Checked()
    {
        if (Dtype is not (null or ScalarType.Float32 or ScalarType.BFloat16 or ScalarType.Float16))
            throw new ArgumentException($"Dtype is {Dtype}; allowed are Float32, BFloat16 and Float16.");
        if (Compute is not (null or ScalarType.Float32 or ScalarType.BFloat16))
            throw new ArgumentException($"Compute is {Compute}; allowed are Float32 and BFloat16.");
        if (Shift is { } shift && !(double.IsFinite(shift) && shift > 0))
            throw new ArgumentException($"Shift is {shift}; it must be a positive number.");
        return this;
    }
}
