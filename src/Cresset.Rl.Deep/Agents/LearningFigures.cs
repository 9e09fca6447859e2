namespace Cresset.Rl.Deep;

/// <summary>Means of figures between two reports.</summary>
internal sealed class LearningFigures
{
    private readonly SortedDictionary<string, (double Sum, long Count)> _sums = new(StringComparer.Ordinal);

    public void Add(string name, double value)
    {
        var (sum, count) = _sums.GetValueOrDefault(name);
        _sums[name] = (sum + value, count + 1);
    }

    public void Report(Action<string, double> figure)
    {
        foreach (var (name, (sum, count)) in _sums) figure(name, sum / count);
        _sums.Clear();
    }

    public void Save(BinaryWriter writer)
    {
        writer.Write(_sums.Count);
        foreach (var (name, (sum, count)) in _sums)
        {
            writer.Write(name);
            writer.Write(sum);
            writer.Write(count);
        }
    }

    public void Load(BinaryReader reader)
    {
        _sums.Clear();
        for (var left = reader.ReadInt32(); left > 0; left--) _sums[reader.ReadString()] = (reader.ReadDouble(), reader.ReadInt64());
    }
}
