using System.Runtime.InteropServices;
using System.Text;
using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>How matrices are stored in a GGUF file.</summary>
public enum GgufStorage
{
    /// <summary>Half precision.</summary>
    F16,

    /// <summary>8-bit blocks of 32 with a scale.</summary>
    Q8_0,

    /// <summary>4-bit blocks of 32 with a scale.</summary>
    Q4_0,
}

/// <summary>Writes GGUF files that stable-diffusion.cpp reads: large matrices quantized, everything else in single precision.</summary>
public static class GgufWriter
{
    private const int Alignment = 32;

    /// <summary>Writes all tensors of a source, one after the other, atomically.</summary>
    public static void Write(string path, ITensorSource source, GgufStorage storage, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        var plan = new List<(string Name, IReadOnlyList<long> Shape, GgufType Type, long Offset, long Size)>();
        long offset = 0;
        foreach (var (name, entry) in source.Entries)
        {
            var type = Choose(entry, storage);
            var (elements, bytes) = type.Block();
            var size = entry.Shape.Aggregate(1L, (a, b) => a * b) / elements * bytes;
            plan.Add((name, entry.Shape, type, offset, size));
            offset += Pad(size);
        }
        AtomicFile.Write(path, stream =>
        {
            using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
            long head = Header(writer, plan);
            writer.Write(new byte[Pad(head) - head]);
            foreach (var item in plan)
            {
                cancellation.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                var values = source.Map(item.Name).to(ScalarType.Float32).contiguous().view(-1);
                long written = 0;
                const int step = 1 << 20;
                for (long at = 0; at < values.numel(); at += step)
                {
                    var part = MemoryMarshal.Cast<byte, float>(values.narrow(0, at, Math.Min(step, values.numel() - at)).bytes);
                    var bytes = Pack(item.Type, part);
                    writer.Write(bytes);
                    written += bytes.Length;
                }
                writer.Write(new byte[Pad(written) - written]);
            }
        });
    }

    private static long Header(BinaryWriter writer, List<(string Name, IReadOnlyList<long> Shape, GgufType Type, long Offset, long Size)> plan)
    {
        long count = 0;
        void Text(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            writer.Write((ulong)bytes.Length);
            writer.Write(bytes);
            count += 8 + bytes.Length;
        }
        writer.Write(0x46554747u);
        writer.Write(3u);
        writer.Write((ulong)plan.Count);
        writer.Write(1ul);
        count += 24;
        Text("general.architecture");
        writer.Write(8u);
        count += 4;
        Text("sd3");
        foreach (var (name, shape, type, offset, _) in plan)
        {
            Text(name);
            writer.Write((uint)shape.Count);
            for (var d = shape.Count - 1; d >= 0; d--) writer.Write((ulong)shape[d]);
            writer.Write((uint)type);
            writer.Write((ulong)offset);
            count += 16 + (8 * shape.Count);
        }
        return count;
    }

    private static GgufType Choose(SafetensorsEntry entry, GgufStorage storage)
    {
        // Vectors, convolutions and position tables are small or sensitive: they stay in single precision.
        if (entry.Shape.Count != 2) return GgufType.F32;
        if (storage == GgufStorage.F16) return GgufType.F16;
        return entry.Shape[1] % 32 != 0 ? GgufType.F32 : storage == GgufStorage.Q8_0 ? GgufType.Q8_0 : GgufType.Q4_0;
    }

    private static byte[] Pack(GgufType type, ReadOnlySpan<float> values)
    {
        switch (type)
        {
            case GgufType.Q8_0: return GgufBlocks.PackQ8(values);
            case GgufType.Q4_0: return GgufBlocks.PackQ4(values);
            case GgufType.F16:
                var halves = new Half[values.Length];
                for (var i = 0; i < halves.Length; i++) halves[i] = (Half)values[i];
                return MemoryMarshal.AsBytes(halves.AsSpan()).ToArray();
            default: return MemoryMarshal.AsBytes(values).ToArray();
        }
    }

    private static long Pad(long size) => (size + Alignment - 1) / Alignment * Alignment;
}
