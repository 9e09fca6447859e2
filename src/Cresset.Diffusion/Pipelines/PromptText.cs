namespace Cresset.Diffusion;

/// <summary>A prompt, optionally with words of its own for each encoder.</summary>
/// <param name="Text">For CLIP-L, and for the others unless they have their own.</param>
/// <param name="ClipG">For CLIP-G.</param>
/// <param name="T5">For T5.</param>
public sealed record PromptText(string Text, string? ClipG = null, string? T5 = null)
{
    /// <summary>The empty prompt.</summary>
    public static PromptText Empty { get; } = new("");

    /// <summary>A prompt for all encoders.</summary>
    public static implicit operator PromptText(string text) => FromString(text);

    /// <summary>A prompt for all encoders.</summary>
    public static PromptText FromString(string text) => new(text);
}

/// <summary>What the transformer reads of a prompt. Owns its tensors.</summary>
/// <param name="Context">Token embeddings, [N, 77 + T5 tokens, width].</param>
/// <param name="Pooled">Pooled embeddings of both CLIPs, [N, width].</param>
public sealed record PromptEmbedding(TorchSharp.torch.Tensor Context, TorchSharp.torch.Tensor Pooled) : IDisposable
{
    /// <summary>Notes on words that found no room, for the user.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <inheritdoc/>
    public void Dispose()
    {
        Context.Dispose();
        Pooled.Dispose();
    }
}
