namespace Cresset.Rl;

/// <summary>The integers from <see cref="Start"/> to <see cref="Start"/> + <see cref="Count"/> - 1.</summary>
public sealed class Discrete : Space<int>
{
    /// <summary>Makes the set of <paramref name="count"/> integers that begins at <paramref name="start"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is not positive.</exception>
    public Discrete(int count, int start = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        Count = count;
        Start = start;
    }

    /// <summary>Number of elements.</summary>
    public int Count { get; }

    /// <summary>The smallest element.</summary>
    public int Start { get; }

    /// <inheritdoc/>
    public override int Size => 1;

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<int> value) => value.Length == 1 && Contains(value[0]);

    /// <summary>Whether <paramref name="value"/> is an element.</summary>
    public bool Contains(int value) => (uint)(value - Start) < (uint)Count;

    /// <inheritdoc/>
    public override void Sample(Span<int> destination)
    {
        CheckSize(destination.Length, nameof(destination));
        destination[0] = Start + Random.NextInt32(Count);
    }

    /// <summary>A random element among those whose <paramref name="mask"/> is true; <see cref="Start"/> when none is.</summary>
    /// <exception cref="ArgumentException">The mask does not have one entry an element.</exception>
    public int Sample(ReadOnlySpan<bool> mask)
    {
        if (mask.Length != Count)
            throw new ArgumentException($"The mask has {mask.Length} entries; {this} has {Count} elements.", nameof(mask));
        var allowed = 0;
        foreach (var m in mask) allowed += m ? 1 : 0;
        if (allowed == 0) return Start;
        var pick = Random.NextInt32(allowed);
        for (var i = 0; i < mask.Length; i++)
        {
            if (mask[i] && pick-- == 0) return Start + i;
        }
        return Start;
    }

    /// <summary>A random element drawn with the given probabilities.</summary>
    /// <exception cref="ArgumentException">There is not one probability an element, or they are not a distribution.</exception>
    public int Sample(ReadOnlySpan<double> probabilities)
    {
        if (probabilities.Length != Count)
            throw new ArgumentException($"{probabilities.Length} probabilities were given; {this} has {Count} elements.",
                nameof(probabilities));
        return Start + Random.ChoiceIndex(probabilities);
    }

    /// <inheritdoc/>
    public override string ToString() => Start == 0 ? $"Discrete({Count})" : $"Discrete({Count}, start={Start})";
}
