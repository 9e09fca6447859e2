using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Random streams in snapshots.</summary>
public static class RandomStreamSerialization
{
    /// <summary>Writes the state of a stream.</summary>
    public static void WriteStream(this BinaryWriter writer, RandomStream stream)
    {
        var state = stream.State;
        writer.Write((ulong)(state.State >> 64));
        writer.Write((ulong)state.State);
        writer.Write((ulong)(state.Increment >> 64));
        writer.Write((ulong)state.Increment);
        writer.Write(state.HasSpareHalf);
        writer.Write(state.SpareHalf);
    }

    /// <summary>Reads a stream that goes on where <see cref="WriteStream"/> was called.</summary>
    public static RandomStream ReadStream(this BinaryReader reader)
    {
        var state = new UInt128(reader.ReadUInt64(), reader.ReadUInt64());
        var increment = new UInt128(reader.ReadUInt64(), reader.ReadUInt64());
        return new RandomStream(new RandomStreamState(state, increment, reader.ReadBoolean(), reader.ReadUInt32()));
    }
}
