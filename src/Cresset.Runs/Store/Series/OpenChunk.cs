namespace Cresset.Runs;

/// <summary>The items of one level that do not fill a chunk yet, and the number of those that did.</summary>
internal sealed class OpenChunk<T>(long number, IReadOnlyList<T> items)
{
    private T[] _items = [.. items];

    /// <summary>Number of this chunk in its level.</summary>
    public long Number { get; private set; } = number;

    public int Count { get; private set; } = items.Count;

    /// <summary>Holds items that the database does not.</summary>
    public bool Dirty { get; set; }

    public ReadOnlySpan<T> Items => _items.AsSpan(0, Count);

    public void Add(in T item)
    {
        if (Count == _items.Length) Array.Resize(ref _items, Math.Clamp(Count * 2, 16, ChunkCodec.Capacity));
        _items[Count++] = item;
        Dirty = true;
    }

    public void Next()
    {
        Number++;
        Count = 0;
        Dirty = false;
    }
}
