using System.Text;

namespace Cresset.Data;

/// <summary>A text as numbers and back. Safe from many threads.</summary>
public abstract class TextTokenizer
{
    /// <summary>Number of tokens.</summary>
    public abstract int Count { get; }

    /// <summary>What it must know to do the same again.</summary>
    public abstract TextFacts Facts { get; }

    /// <summary>The tokens of a text, each from 0 to <see cref="Count"/> - 1.</summary>
    /// <exception cref="ArgumentException">The text holds what the vocabulary lacks.</exception>
    public abstract int[] Encode(string text);

    /// <summary>
    /// The tokens of a prompt for a published model: those of the text between what the model's <c>tokenizer.json</c> puts around it
    /// (LLaMA 3 begins with &lt;|begin_of_text|&gt;), which is what transformers gives with <c>add_special_tokens</c>. Without such a rule
    /// those of <see cref="Encode"/>.
    /// </summary>
    /// <exception cref="ArgumentException">The text holds what the vocabulary lacks.</exception>
    public int[] EncodePrompt(string text) => [.. Facts.PromptStart, .. Encode(text), .. Facts.PromptEnd];

    /// <summary>The bytes (UTF-8) of a token: a character of several bytes may be spread over several tokens.</summary>
    public abstract ReadOnlySpan<byte> Bytes(int token);

    /// <summary>The text of tokens; bytes that make no character become U+FFFD.</summary>
    public string Decode(IEnumerable<long> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        using var bytes = new MemoryStream();
        foreach (var token in tokens) bytes.Write(Bytes((int)token));
        return Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }
}

/// <summary>A token for each character (Unicode scalar value).</summary>
public sealed class CharacterTokenizer : TextTokenizer
{
    private readonly Dictionary<Rune, int> _numbers = [];
    private readonly List<byte[]> _bytes = [];
    private readonly string _characters;

    /// <summary>Takes the characters of a text, each once, in the order of their code points.</summary>
    public CharacterTokenizer(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var found = new SortedSet<Rune>();
        foreach (var rune in text.EnumerateRunes()) found.Add(rune);
        var all = new StringBuilder();
        foreach (var rune in found)
        {
            _numbers.Add(rune, _numbers.Count);
            _bytes.Add(Encoding.UTF8.GetBytes(rune.ToString()));
            all.Append(rune.ToString());
        }
        _characters = all.ToString();
    }

    /// <inheritdoc/>
    public override int Count => _bytes.Count;

    /// <inheritdoc/>
    public override TextFacts Facts => new() { Characters = _characters };

    /// <inheritdoc/>
    public override int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var tokens = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            tokens.Add(_numbers.TryGetValue(rune, out var number)
                ? number
                : throw new ArgumentException(
                    $"The character '{rune}' (U+{rune.Value:X4}) is not among the {Count} that the model learned; write without it, or "
                        + $"train with tokens: byte-pair, which knows every character.", nameof(text)));
        }
        return [.. tokens];
    }

    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Bytes(int token) => _bytes[token];
}
