using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>What the tokens of a text are.</summary>
[PartKind("tokens")]
public abstract record TextTokens : IOptionsRecord
{
    /// <summary>The tokenizer for a text.</summary>
    public abstract TextTokenizer Build(string text);

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];
}

/// <summary>A token for each character that occurs.</summary>
[Part("characters")]
public sealed record CharacterTokens : TextTokens
{
    /// <inheritdoc/>
    public override TextTokenizer Build(string text) => new CharacterTokenizer(text);
}

/// <summary>
/// Byte pairs, learned from the text or read from a file: common pieces of words are one token, and every character can be written.
/// </summary>
[Part("byte-pair", "Sennrich et al. 2016, arXiv:1508.07909")]
public sealed record BytePairTokens : TextTokens
{
    /// <summary>Tokens to learn, 256 of them the bytes.</summary>
    public int Vocabulary { get; init; } = 512;

    /// <summary>A tokenizer.json to read instead; empty learns.</summary>
    public string File { get; init; } = "";

    /// <inheritdoc/>
    public override TextTokenizer Build(string text) => File.Length > 0 ? BytePairTokenizer.Read(File) : BytePairs.Learn(text, Vocabulary);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Vocabulary, 256, 1_000_000);
}
