using System.Runtime.InteropServices;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>A replay buffer as it is saved: its columns as they lie in memory, in pieces, so that no size is too large.</summary>
internal sealed class ReplayState(ReplayBuffer buffer, ObservationStore observations, ReplayMemory rest, SumTree? priorities)
{
    private const string Old = "agent/replay";
    private const string Prefix = "replay/";
    private const int Piece = 1 << 28;

    /// <summary>One transition of the layout that kept both observations of every row.</summary>
    public delegate void Restore(long turn, int copy, ReadOnlySpan<float> observation, ReadOnlySpan<float> next, int action, float reward,
        byte end);

    public static bool IsOfOldLayout(Snapshot state) => state.Tensors.ContainsKey(Old);

    public void Save(Snapshot state, long turns, double largest)
    {
        state.Put(Prefix + "turns", turns);
        state.Put(Prefix + "largest", largest);
        SaveColumns(state, "observations", observations.Memory, turns);
        SaveColumns(state, "rest", rest, turns);
        state.Put(Prefix + "newest", writer =>
        {
            foreach (var newest in observations.Newest) writer.Write(newest);
        });
        var (own, piece) = (observations.Own.OrderBy(o => o.Key).ToList(), 0);
        state.Put(Prefix + "own", own.Count);
        var each = Math.Max(1, Piece / (observations.Bytes + sizeof(int)));
        foreach (var part in own.Chunk(each))
        {
            state.Put($"{Prefix}own/{piece++}", writer =>
            {
                foreach (var (row, bytes) in part)
                {
                    writer.Write(row);
                    writer.Write(bytes);
                }
            });
        }
        if (priorities is null) return;
        state.Put(Prefix + "priorities", writer =>
        {
            for (var row = 0; row < buffer.Count; row++) writer.Write(priorities[row]);
        });
    }

    public (long Turns, double Largest) Load(Snapshot state, int capacityTurns)
    {
        var turns = (long)state.Number(Prefix + "turns");
        if (turns < 0) throw new InvalidDataException($"The state has a replay of {turns} rounds.");
        LoadColumns(state, "observations", observations.Memory, turns);
        LoadColumns(state, "rest", rest, turns);
        state.Get(Prefix + "newest", reader =>
        {
            foreach (var newest in observations.Newest) reader.BaseStream.ReadExactly(newest);
        });
        observations.Own.Clear();
        var own = (int)state.Number(Prefix + "own");
        for (var piece = 0; own > 0; piece++)
        {
            state.Get($"{Prefix}own/{piece}", reader =>
            {
                for (var left = Math.Min(own, Math.Max(1, Piece / (observations.Bytes + sizeof(int)))); left > 0; left--, own--)
                {
                    var (row, bytes) = (reader.ReadInt32(), new byte[observations.Bytes]);
                    reader.BaseStream.ReadExactly(bytes);
                    observations.Own[row] = bytes;
                }
            });
        }
        LoadPriorities(state, Prefix + "priorities", (int)Math.Min(turns, capacityTurns) * observations.Newest.Length);
        return (turns, state.Number(Prefix + "largest"));
    }

    public (long Turns, double Largest) LoadOld(Snapshot state, Restore restore)
    {
        var (turns, largest) = (0L, 0.0);
        var copies = observations.Newest.Length;
        var capacityTurns = buffer.Capacity / copies;
        state.Get(Old, reader =>
        {
            (turns, largest) = (reader.ReadInt64(), reader.ReadDouble());
            var count = (int)Math.Min(turns, capacityTurns) * copies;
            var rows = new (float[] Here, float[] Next, int Action, float Reward, byte End, double Priority)[count];
            for (var row = 0; row < count; row++)
            {
                var (here, next) = (new float[buffer.ObservationSize], new float[buffer.ObservationSize]);
                reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(here.AsSpan()));
                reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(next.AsSpan()));
                rows[row] = (here, next, reader.ReadInt32(), reader.ReadSingle(), reader.ReadByte(),
                    priorities is null ? 0 : reader.ReadDouble());
            }
            // Oldest first, as they were added.
            for (var turn = Math.Max(0, turns - capacityTurns); turn < turns; turn++)
            {
                for (var copy = 0; copy < copies; copy++)
                {
                    var row = rows[((int)(turn % capacityTurns) * copies) + copy];
                    restore(turn, copy, row.Here, row.Next, row.Action, row.Reward, row.End);
                }
            }
            for (var row = 0; row < count && priorities is not null; row++) priorities[row] = rows[row].Priority;
        });
        return (turns, largest);
    }

    private void SaveColumns(Snapshot state, string name, ReplayMemory memory, long turns)
    {
        for (var column = 0; column < memory.Columns; column++)
        {
            if (memory.Width(column) == 0) continue;
            foreach (var (piece, first, count) in Pieces(memory, column, turns))
            {
                state.PutBytes($"{Prefix}{name}/{column}/{piece}", memory.Span(column, first, count));
            }
        }
        state.Put($"{Prefix}{name}/used", turns);
    }

    private void LoadColumns(Snapshot state, string name, ReplayMemory memory, long turns)
    {
        if ((long)state.Number($"{Prefix}{name}/used") != turns)
            throw new InvalidDataException($"The state's replay/{name} does not have the {turns} rounds of the rest.");
        for (var column = 0; column < memory.Columns; column++)
        {
            if (memory.Width(column) == 0) continue;
            foreach (var (piece, first, count) in Pieces(memory, column, turns))
                state.GetBytes($"{Prefix}{name}/{column}/{piece}", memory.Span(column, first, count));
        }
    }

    private IEnumerable<(int Piece, long First, long Count)> Pieces(ReplayMemory memory, int column, long turns)
    {
        // What was never written is not saved.
        var used = Math.Min(memory.Rows[column], turns * observations.Newest.Length);
        var each = Math.Max(1, Piece / memory.Width(column));
        var piece = 0;
        for (var first = 0L; first < used; first += each) yield return (piece++, first, Math.Min(each, used - first));
    }

    private void LoadPriorities(Snapshot state, string name, int count)
    {
        if (priorities is null) return;
        state.Get(name, reader =>
        {
            for (var row = 0; row < count; row++) priorities[row] = reader.ReadDouble();
        });
    }
}
