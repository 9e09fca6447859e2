namespace Cresset.Data;

/// <summary>How a text becomes tokens and back. Stored with the model.</summary>
public sealed record TextFacts
{
    /// <summary>Every character of a vocabulary of characters, in the order of its tokens; empty for byte pairs.</summary>
    public string Characters { get; init; } = "";

    /// <summary>Byte pairs: the tokens in the order of their numbers, bytes written as GPT-2 does; empty for characters.</summary>
    public IReadOnlyList<string> Vocabulary { get; init; } = [];

    /// <summary>Byte pairs: "left right", the earlier the sooner joined.</summary>
    public IReadOnlyList<string> Merges { get; init; } = [];

    /// <summary>Byte pairs: the regular expression that cuts a text into words, across which nothing is joined.</summary>
    public string Pattern { get; init; } = BytePairs.Gpt2Pattern;

    /// <summary>Byte pairs: tokens that stand for their own text wherever it occurs, such as &lt;|endoftext|&gt;.</summary>
    public IReadOnlyList<string> Special { get; init; } = [];

    /// <summary>Byte pairs: a word that is a token is taken whole, without joining it (LLaMA 3).</summary>
    public bool WholeWords { get; init; }

    /// <summary>Byte pairs: a text is brought into Unicode's form C first (Qwen).</summary>
    public bool Composed { get; init; }

    /// <summary>Byte pairs: tokens that a prompt begins with, such as LLaMA 3's &lt;|begin_of_text|&gt;.</summary>
    public IReadOnlyList<int> PromptStart { get; init; } = [];

    /// <summary>Byte pairs: tokens that a prompt ends with; none in most models.</summary>
    public IReadOnlyList<int> PromptEnd { get; init; } = [];

    /// <summary>Makes the tokenizer.</summary>
    /// <exception cref="InvalidDataException">The facts do not fit together.</exception>
    public TextTokenizer Open() =>
        Characters.Length > 0 ? new CharacterTokenizer(Characters) : new BytePairTokenizer(this);
}
