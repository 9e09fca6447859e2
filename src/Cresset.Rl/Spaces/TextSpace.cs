namespace Cresset.Rl;

/// <summary>
/// Texts of letters from a given set. An element is a row of <see cref="MaxLength"/> characters; shorter texts are filled up with the
/// character 0. Samples equal Gymnasium's <c>Text</c> with the same seed: first the length, then each letter.
/// </summary>
public sealed class TextSpace : Space<char>
{
    /// <summary>Digits, capital and small letters: the letters when none are given.</summary>
    public const string Alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    private readonly double[] _probabilities;

    /// <summary>Makes the set of texts.</summary>
    /// <param name="maxLength">Most letters.</param>
    /// <param name="minLength">Fewest letters.</param>
    /// <param name="letters">The letters; one that is given twice counts once.</param>
    /// <exception cref="ArgumentException">The lengths are not a range, or there are no letters, or the character 0 is one of
    /// them.</exception>
    public TextSpace(int maxLength, int minLength = 1, string letters = Alphanumeric)
    {
        ArgumentNullException.ThrowIfNull(letters);
        ArgumentOutOfRangeException.ThrowIfNegative(minLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, minLength);
        if (letters.Length == 0 || letters.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException(
                "The letters must be at least one character, none of them the character 0 that fills up short texts.", nameof(letters));
        (MinLength, MaxLength) = (minLength, maxLength);
        Letters = string.Concat(letters.Distinct());
        _probabilities = new double[Letters.Length];
        Array.Fill(_probabilities, 1.0 / Letters.Length);
    }

    /// <summary>Fewest letters.</summary>
    public int MinLength { get; }

    /// <summary>Most letters.</summary>
    public int MaxLength { get; }

    /// <summary>The letters, each once, in the order given.</summary>
    public string Letters { get; }

    /// <inheritdoc/>
    public override int Size => MaxLength;

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<char> value) => value.Length == Size && Contains(value.TrimEnd('\0').ToString());

    /// <summary>Whether a text is an element.</summary>
    public bool Contains(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length >= MinLength && text.Length <= MaxLength && !text.AsSpan().ContainsAnyExcept(Letters);
    }

    /// <inheritdoc/>
    public override void Sample(Span<char> destination)
    {
        CheckSize(destination.Length, nameof(destination));
        destination.Clear();
        var length = (int)Random.NextInt64(MinLength, MaxLength + 1L);
        for (var i = 0; i < length; i++) destination[i] = Letters[Random.ChoiceIndex(_probabilities)];
    }

    /// <summary>A random text.</summary>
    public string SampleText() => new string(Sample()).TrimEnd('\0');

    /// <inheritdoc/>
    public override string ToString() => $"Text({MinLength}, {MaxLength}, charset={string.Concat(Letters.Order())})";
}
