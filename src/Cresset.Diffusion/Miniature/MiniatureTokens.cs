namespace Cresset.Diffusion;

/// <summary>
/// The ids that a miniature's encoders read: whole words for one CLIP; for all encoders the large model's own tokenizers, cut down to the
/// words of the closed language.
/// </summary>
internal sealed class MiniatureTokens
{
    private readonly WordTokenizer _words;

    public MiniatureTokens(WordTokenizer words, bool isWhole)
    {
        _words = words;
        ClipLength = words.ContextLength;
        ClipCount = words.Count;
        if (!isWhole) return;
        // A word may be several of CLIP's tokens, so the context is measured in the longest words; T5 has one token a word and an end.
        var released = ClipTokenizer.Standard();
        ClipLength = ((words.ContextLength - 2) * words.Words.Select(word => released.Encode(word).Count - 2).DefaultIfEmpty(1).Max()) + 2;
        ClipL = released.Only(words.Words, ClipLength, padWithZero: false);
        ClipG = released.Only(words.Words, ClipLength, padWithZero: true);
        ClipCount = ClipL.Count;
        T5Length = words.ContextLength - 1;
        T5 = T5Tokenizer.OfWords(words.Words, T5Length);
    }

    /// <summary>CLIP-L's, or null where whole words are its tokens.</summary>
    public ClipTokenizer? ClipL { get; }

    /// <summary>CLIP-G's, or null where there is one CLIP.</summary>
    public ClipTokenizer? ClipG { get; }

    /// <summary>T5's, or null.</summary>
    public T5Tokenizer? T5 { get; }

    /// <summary>Tokens of a CLIP.</summary>
    public int ClipLength { get; }

    /// <summary>Ids of a CLIP.</summary>
    public int ClipCount { get; }

    /// <summary>Tokens of T5.</summary>
    public int T5Length { get; }

    /// <summary>Ids of a prompt.</summary>
    public int Count => ClipL is null ? ClipLength : (2 * ClipLength) + T5Length;

    /// <summary>The words of a prompt, lower case, a space between them: what all tokenizers are given.</summary>
    public static string Plain(string prompt) => string.Join(' ', WordTokenizer.WordsOf(prompt));

    /// <summary>The ids of a prompt for CLIP-L, CLIP-G and T5 in this order, or of the words.</summary>
    public long[] Ids(string prompt)
    {
        if (ClipL is null) return Array.ConvertAll(_words.Encode(prompt, out _), id => (long)id);
        var plain = Plain(prompt);
        return [.. ClipL.EncodePadded(plain, out _).Concat(ClipG!.EncodePadded(plain, out _))
            .Concat(T5!.EncodePadded(plain, T5Length, out _)).Select(id => (long)id)];
    }
}
