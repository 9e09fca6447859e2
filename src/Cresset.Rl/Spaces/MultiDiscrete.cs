namespace Cresset.Rl;

/// <summary>Rows of integers, each with its own count and its own smallest value.</summary>
public sealed class MultiDiscrete : Space<int>
{
    private readonly int[] _counts;
    private readonly int[] _starts;

    /// <summary>Makes the product of the ranges [starts[i], starts[i] + counts[i]).</summary>
    /// <exception cref="ArgumentException">A count is not positive or the lengths differ.</exception>
    public MultiDiscrete(ReadOnlySpan<int> counts, ReadOnlySpan<int> starts = default)
    {
        _counts = counts.ToArray();
        _starts = starts.IsEmpty ? new int[counts.Length] : starts.ToArray();
        if (_starts.Length != _counts.Length)
            throw new ArgumentException($"{_counts.Length} counts but {_starts.Length} starts.", nameof(starts));
        foreach (var count in _counts)
        {
            if (count <= 0) throw new ArgumentException($"Count {count} is not positive.", nameof(counts));
        }
    }

    /// <summary>Number of values of each entry.</summary>
    public ReadOnlySpan<int> Counts => _counts;

    /// <summary>Smallest value of each entry.</summary>
    public ReadOnlySpan<int> Starts => _starts;

    /// <summary>All values of all entries together: the size of a mask.</summary>
    public int Choices => _counts.Sum();

    /// <inheritdoc/>
    public override int Size => _counts.Length;

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<int> value)
    {
        if (value.Length != Size) return false;
        for (var i = 0; i < value.Length; i++)
        {
            if ((uint)(value[i] - _starts[i]) >= (uint)_counts[i]) return false;
        }
        return true;
    }

    /// <inheritdoc/>
    public override void Sample(Span<int> destination)
    {
        CheckSize(destination.Length, nameof(destination));
        for (var i = 0; i < destination.Length; i++) destination[i] = (int)(Random.NextDouble() * _counts[i]) + _starts[i];
    }

    /// <inheritdoc/>
    public override string ToString() => $"MultiDiscrete([{string.Join(' ', _counts)}])";
}
