namespace Cresset.Rl;

/// <summary>Rows of zeros and ones.</summary>
public sealed class MultiBinary : Space<sbyte>
{
    /// <summary>Makes the set of rows of <paramref name="size"/> bits.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="size"/> is not positive.</exception>
    public MultiBinary(int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        Size = size;
    }

    /// <inheritdoc/>
    public override int Size { get; }

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<sbyte> value) => value.Length == Size && !value.ContainsAnyExceptInRange<sbyte>(0, 1);

    /// <inheritdoc/>
    public override void Sample(Span<sbyte> destination)
    {
        CheckSize(destination.Length, nameof(destination));
        Random.FillInt8(destination, 2);
    }

    /// <inheritdoc/>
    public override string ToString() => $"MultiBinary({Size})";
}
