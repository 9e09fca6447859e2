namespace Cresset.Rl.Deep;

/// <summary>Means of figures between two reports.</summary>
public sealed class LearningFigures
{
    private readonly SortedDictionary<string, (double Sum, long Count)> _sums = new(StringComparer.Ordinal);

    /// <summary>Adds a value to a figure.</summary>
    public void Add(string name, double value)
    {
        var (sum, count) = _sums.GetValueOrDefault(name);
        _sums[name] = (sum + value, count + 1);
    }

    /// <summary>Hands out the means and begins anew.</summary>
    public void Report(Action<string, double> figure)
    {
        ArgumentNullException.ThrowIfNull(figure);
        foreach (var (name, (sum, count)) in _sums) figure(name, sum / count);
        _sums.Clear();
    }

    /// <summary>Writes the sums.</summary>
    public void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(_sums.Count);
        foreach (var (name, (sum, count)) in _sums)
        {
            writer.Write(name);
            writer.Write(sum);
            writer.Write(count);
        }
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    public void Load(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        _sums.Clear();
        for (var left = reader.ReadInt32(); left > 0; left--) _sums[reader.ReadString()] = (reader.ReadDouble(), reader.ReadInt64());
    }
}
