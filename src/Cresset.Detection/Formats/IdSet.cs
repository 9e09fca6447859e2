namespace Cresset.Detection;

/// <summary>A set of ids that answers quickly for small ones.</summary>
internal sealed class IdSet
{
    private const int TableSize = 1 << 16;
    private readonly HashSet<long> _ids;
    private readonly bool[] _small = new bool[TableSize];

    public IdSet(IEnumerable<long> ids)
    {
        _ids = [.. ids];
        foreach (var id in _ids)
        {
            if ((ulong)id < TableSize) _small[id] = true;
        }
    }

    public bool Contains(long id) => (ulong)id < TableSize ? _small[id] : _ids.Contains(id);
}
