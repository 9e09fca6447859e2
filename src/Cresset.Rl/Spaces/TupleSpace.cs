namespace Cresset.Rl;

/// <summary>The parts of several spaces one after the other.</summary>
public sealed class TupleSpace<T> : Space<T>
    where T : unmanaged
{
    private readonly Space<T>[] _parts;

    /// <summary>Joins <paramref name="parts"/> in order.</summary>
    public TupleSpace(params Space<T>[] parts) => _parts = [.. parts];

    /// <summary>The spaces in order.</summary>
    public IReadOnlyList<Space<T>> Parts => _parts;

    /// <inheritdoc/>
    public override int Size => _parts.Sum(p => p.Size);

    /// <summary>Seeds this space and, with integers drawn from it, every part.</summary>
    public override void Seed(ulong seed)
    {
        base.Seed(seed);
        var seeds = new ulong[_parts.Length];
        for (var i = 0; i < seeds.Length; i++) seeds[i] = (ulong)Random.NextInt64(0, int.MaxValue);
        for (var i = 0; i < seeds.Length; i++) _parts[i].Seed(seeds[i]);
    }

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<T> value)
    {
        if (value.Length != Size) return false;
        foreach (var part in _parts)
        {
            if (!part.Contains(value[..part.Size])) return false;
            value = value[part.Size..];
        }
        return true;
    }

    /// <inheritdoc/>
    public override void Sample(Span<T> destination)
    {
        CheckSize(destination.Length, nameof(destination));
        foreach (var part in _parts)
        {
            part.Sample(destination[..part.Size]);
            destination = destination[part.Size..];
        }
    }

    /// <inheritdoc/>
    public override string ToString() => $"Tuple({string.Join(", ", (object[])_parts)})";
}
