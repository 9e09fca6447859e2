using Cresset.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// The three text encoders of Stable Diffusion 3 with their tokenizers. Each may be absent: zeros stand in its place, as the paper's
/// training with dropped encoders allows.
/// </summary>
public sealed class TextEncoders : IDisposable
{
    private const int ClipTokens = 77;

    private readonly int _textWidth;
    private readonly int _pooledWidth;
    private bool _released;

    /// <summary>Joins encoders; those present need their tokenizer.</summary>
    /// <param name="transformer">Sizes of the transformer that reads them.</param>
    public TextEncoders(MmDitOptions transformer)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        (_textWidth, _pooledWidth) = (transformer.TextWidth, transformer.PooledWidth);
    }

    /// <summary>CLIP-L, or null.</summary>
    public ClipTextEncoder? ClipL { get; init; }

    /// <summary>CLIP-G, or null.</summary>
    public ClipTextEncoder? ClipG { get; init; }

    /// <summary>T5, or null.</summary>
    public T5Encoder? T5 { get; private set; }

    /// <summary>CLIP-L's tokenizer.</summary>
    public ClipTokenizer? ClipLTokenizer { get; init; }

    /// <summary>CLIP-G's tokenizer.</summary>
    public ClipTokenizer? ClipGTokenizer { get; init; }

    /// <summary>T5's tokenizer.</summary>
    public T5Tokenizer? T5Tokenizer { get; init; }

    /// <summary>Width of CLIP-L's pooled embedding where it is absent: 768 in all released models.</summary>
    public int ClipLWidth { get; init; } = 768;

    /// <summary>Puts T5 in, or takes it out (its memory is freed); tokens keep their places.</summary>
    public void UseT5(T5Encoder? encoder)
    {
        if (encoder is not null && encoder.Options.Width != _textWidth)
            throw new ArgumentException($"T5's width is {encoder.Options.Width}; the transformer reads {_textWidth}.", nameof(encoder));
        if (T5 is null)
        {
            T5 = encoder;
            return;
        }
        T5.Dispose();
        T5 = encoder;
        FreedMemory.Return();
    }

    /// <summary>Encodes a prompt, [1, 77 + T5 tokens, width] and [1, pooled width].</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="clipSkip">Layers of CLIP to leave out beyond the last one.</param>
    /// <param name="t5Length">Tokens for T5, at most as many as its tokenizer allows; longer prompts are cut.</param>
    public PromptEmbedding Encode(PromptText prompt, int clipSkip = 0, int t5Length = 256)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentOutOfRangeException.ThrowIfLessThan(t5Length, 1);
        if (_released)
            throw new InvalidOperationException(
                "The text encoders were freed: encode all prompts before Release, or load the model again.");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var notes = new List<string>();
        var (l, pooledL) = Clip(ClipL, ClipLTokenizer, prompt.Text, "CLIP-L", clipSkip, ClipL?.Options.Width ?? ClipLWidth,
            ClipL?.Options.ProjectionWidth ?? ClipLWidth, notes);
        var widthG = ClipG?.Options.Width ?? (_pooledWidth - pooledL.size(1));
        var (g, pooledG) = Clip(ClipG, ClipGTokenizer, prompt.ClipG ?? prompt.Text, "CLIP-G", clipSkip, widthG,
            ClipG?.Options.ProjectionWidth ?? widthG, notes);
        var (context, pooled) = Join(l, pooledL, g, pooledG, T5Tokens(prompt.T5 ?? prompt.Text, t5Length, notes));
        return new PromptEmbedding(context.MoveToOuterDisposeScope(), pooled.MoveToOuterDisposeScope()) { Notes = notes };
    }

    /// <summary>
    /// What the transformer reads of the encoders' answers, with their gradients: CLIP's tokens [N, C, L] and [N, C, G] side by side,
    /// filled up with zeros to T5's width and before T5's [N, T, W]; pooled embeddings one after the other.
    /// </summary>
    internal static (Tensor Context, Tensor Pooled) Join(Tensor hiddenL, Tensor pooledL, Tensor hiddenG, Tensor pooledG, Tensor t5)
    {
        var both = cat([hiddenL, hiddenG], 2);
        var width = t5.size(2);
        if (both.size(2) > width)
            throw new InvalidOperationException(
                $"Both CLIPs together are {both.size(2)} wide; the transformer reads {width}: these encoders belong to another model.");
        var clip = both.size(2) == width ? both : nn.functional.pad(both, [0, width - both.size(2)]);
        return (cat([clip, t5], 1), cat([pooledL, pooledG], 1));
    }

    /// <summary>Frees the encoders and gives their memory back to the operating system; what was encoded stays valid.</summary>
    public void Release() => Dispose();

    /// <summary>As <see cref="Release"/>.</summary>
    public void Dispose()
    {
        if (_released) return;
        _released = true;
        ClipL?.Dispose();
        ClipG?.Dispose();
        T5?.Dispose();
        FreedMemory.Return();
    }

    private static (Tensor Hidden, Tensor Pooled) Clip(ClipTextEncoder? encoder, ClipTokenizer? tokenizer, string text, string name,
        int skip, long width, long pooledWidth, List<string> notes)
    {
        if (encoder is null) return (zeros(1, ClipTokens, width), zeros(1, pooledWidth));
        if (tokenizer is null) throw new InvalidOperationException($"{name} has no tokenizer.");
        var ids = tokenizer.EncodePadded(text, out var dropped);
        if (dropped > 0) notes.Add($"{name} reads {tokenizer.ContextLength} tokens; the last {dropped} of the prompt were dropped.");
        var output = encoder.Encode(Ids(ids, encoder), skip);
        return (output.Hidden.to(ScalarType.Float32).cpu(), output.Pooled.to(ScalarType.Float32).cpu());
    }

    private Tensor T5Tokens(string text, int length, List<string> notes)
    {
        // Padding beyond what the model was trained with would only disturb it; words that find no room are told below.
        if (T5Tokenizer?.Longest is { } most) length = Math.Min(length, most);
        if (T5 is null) return zeros(1, length, _textWidth);
        if (T5Tokenizer is null) throw new InvalidOperationException("T5 has no tokenizer: give the path of its spiece.model.");
        var ids = T5Tokenizer.EncodePadded(text, length, out var dropped);
        if (dropped > 0) notes.Add($"T5 reads {length} tokens; the last {dropped} of the prompt were dropped.");
        return T5.call(Ids(ids, T5)).to(ScalarType.Float32).cpu();
    }

    private static Tensor Ids(int[] ids, nn.Module encoder) =>
        tensor(Array.ConvertAll(ids, i => (long)i)).unsqueeze(0)
            .to(encoder.parameters().First(p => p.device_type != DeviceType.META).device);
}
