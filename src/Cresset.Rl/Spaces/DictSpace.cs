namespace Cresset.Rl;

/// <summary>Named spaces, kept in the order of their names; an element is their parts one after the other.</summary>
public sealed class DictSpace<T> : Space<T>
    where T : unmanaged
{
    private readonly TupleSpace<T> _parts;
    private readonly string[] _names;

    /// <summary>Joins the named <paramref name="parts"/> in ordinal order of their names.</summary>
    public DictSpace(IReadOnlyDictionary<string, Space<T>> parts)
    {
        _names = [.. parts.Keys.Order(StringComparer.Ordinal)];
        _parts = new TupleSpace<T>([.. _names.Select(n => parts[n])]);
    }

    /// <summary>The names in order.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>The space called <paramref name="name"/>.</summary>
    /// <exception cref="KeyNotFoundException">There is no such part.</exception>
    public Space<T> this[string name]
        => Array.IndexOf(_names, name) is var i and >= 0 ? _parts.Parts[i]
            : throw new KeyNotFoundException($"'{name}' is not one of {string.Join(", ", _names)}."
                + Cresset.Numerics.NearestName.Suggest(name, _names));

    /// <inheritdoc/>
    public override int Size => _parts.Size;

    /// <summary>The values of the part <paramref name="name"/> within <paramref name="value"/>.</summary>
    public ReadOnlySpan<T> Part(ReadOnlySpan<T> value, string name)
    {
        var part = this[name];
        var index = Array.IndexOf(_names, name);
        var offset = _parts.Parts.Take(index).Sum(p => p.Size);
        return value.Slice(offset, part.Size);
    }

    /// <inheritdoc/>
    public override void Seed(ulong seed) => _parts.Seed(seed);

    /// <inheritdoc/>
    public override bool Contains(ReadOnlySpan<T> value) => _parts.Contains(value);

    /// <inheritdoc/>
    public override void Sample(Span<T> destination) => _parts.Sample(destination);

    /// <inheritdoc/>
    public override string ToString() => $"Dict({string.Join(", ", _names.Select((n, i) => $"'{n}': {_parts.Parts[i]}"))})";
}
