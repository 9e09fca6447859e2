using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>The random streams of an agent: one a purpose, so that more of one changes nothing in another.</summary>
public sealed class RolloutStreams
{
    /// <summary>The streams of a seed.</summary>
    public RolloutStreams(ulong seed)
    {
        var streams = new RandomStream(seed).Spawn(4);
        (Weights, Exploration, Replay, Noise) = (streams[0], streams[1], streams[2], streams[3]);
    }

    /// <summary>Starting weights.</summary>
    public RandomStream Weights { get; }

    /// <summary>Actions.</summary>
    public RandomStream Exploration { get; }

    /// <summary>Draws from experience, and its order.</summary>
    public RandomStream Replay { get; }

    /// <summary>Noise of networks.</summary>
    public RandomStream Noise { get; }

    /// <summary>
    /// Brings rows into random order for a pass over them. Not <see cref="RandomStream.Shuffle"/>, whose draws are NumPy's: these are the
    /// ones that the recorded runs were made with.
    /// </summary>
    public void Reorder(int[] rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        for (var i = rows.Length - 1; i > 0; i--)
        {
            var j = Replay.NextInt32(i + 1);
            (rows[i], rows[j]) = (rows[j], rows[i]);
        }
    }

    /// <summary>Writes all streams.</summary>
    public void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        foreach (var stream in All) writer.WriteStream(stream);
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    public void Load(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        foreach (var stream in All) stream.State = reader.ReadStream().State;
    }

    private IEnumerable<RandomStream> All => [Weights, Exploration, Replay, Noise];
}
