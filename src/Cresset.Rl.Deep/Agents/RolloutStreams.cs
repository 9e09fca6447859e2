using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>The random streams of an agent: one a purpose, so that more of one changes nothing in another.</summary>
internal sealed class RolloutStreams
{
    public RolloutStreams(ulong seed)
    {
        var streams = new RandomStream(seed).Spawn(4);
        (Weights, Exploration, Replay, Noise) = (streams[0], streams[1], streams[2], streams[3]);
    }

    /// <summary>Starting weights.</summary>
    public RandomStream Weights { get; }

    public RandomStream Exploration { get; }

    public RandomStream Replay { get; }

    public RandomStream Noise { get; }

    /// <summary>Brings rows into random order for a pass over them. Not <see cref="RandomStream.Shuffle"/>, whose draws are NumPy's: these are the ones that the recorded runs were made with.</summary>
    public void Reorder(int[] rows)
    {
        for (var i = rows.Length - 1; i > 0; i--)
        {
            var j = Replay.NextInt32(i + 1);
            (rows[i], rows[j]) = (rows[j], rows[i]);
        }
    }

    public void Save(BinaryWriter writer)
    {
        foreach (var stream in All) writer.WriteStream(stream);
    }

    public void Load(BinaryReader reader)
    {
        foreach (var stream in All) stream.State = reader.ReadStream().State;
    }

    private IEnumerable<RandomStream> All => [Weights, Exploration, Replay, Noise];
}
