using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Cresset.Nn;
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

    /// <summary>4 bits in blocks of 256 with a scale and a minimum for each 32: the usual choice for little memory.</summary>
    Q4_K,

    /// <summary>6 bits in blocks of 256 with a scale for each 16: next to indistinguishable from half precision.</summary>
    Q6_K,
}

/// <summary>Writes GGUF files that stable-diffusion.cpp reads: large matrices quantized, everything else in single precision.</summary>
internal static class GgufWriter
{
    private const int Alignment = 32;

    /// <summary>Writes all tensors of a source, one after the other, atomically.</summary>
    /// <returns>How many tensors were stored in which type. Rows that are not a whole number of blocks take Q8_0, or single
    /// precision.</returns>
    public static IReadOnlyDictionary<string, int> Write(string path, ITensorSource source, GgufStorage storage,
        CancellationToken cancellation = default)
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
                using var mapped = source.Map(item.Name);
                var kept = item.Type == GgufType.F16 ? ScalarType.Float16 : ScalarType.Float32;
                if (TensorCasts.Loss(mapped, kept) is { } loss)
                    throw new NotSupportedException($"{source.Path}: '{item.Name}' {loss}. Nothing was written.");
                var values = mapped.to(ScalarType.Float32).contiguous().view(-1);
                if (item.Type is not (GgufType.F16 or GgufType.F32)) RequireRoom(values, item.Type, source.Path, item.Name);
                long written = 0;
                const int step = 1 << 20;
                for (long at = 0; at < values.numel(); at += step)
                {
                    using var part = values.narrow(0, at, Math.Min(step, values.numel() - at));
                    var bytes = GgufPacking.Pack(item.Type, MemoryMarshal.Cast<byte, float>(part.bytes).ToArray());
                    writer.Write(bytes);
                    written += bytes.Length;
                }
                writer.Write(new byte[Pad(written) - written]);
            }
        });
        return plan.GroupBy(p => p.Type.ToString()).ToDictionary(g => g.Key, g => g.Count());
    }

    // One number that is not finite, or whose scale is not, would take the 32 or 256 of its block with it.
    private static void RequireRoom(Tensor values, GgufType type, string path, string name)
    {
        if (values.numel() == 0) return;
        var largest = values.abs().max().item<float>();
        if (largest <= GgufPacking.Largest(type)) return;
        var held = float.IsFinite(largest) ? largest.ToString("g3", CultureInfo.InvariantCulture) : "NaN or infinity";
        throw new NotSupportedException(string.Create(CultureInfo.InvariantCulture,
            $"{path}: '{name}' holds {held}; {type} keeps finite numbers up to {GgufPacking.Largest(type):g3}. Take f16 or f32. "
                + $"Nothing was written."));
    }

    private static long Header(BinaryWriter writer,
        List<(string Name, IReadOnlyList<long> Shape, GgufType Type, long Offset, long Size)> plan)
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
        if (entry.Shape[1] % 32 != 0) return GgufType.F32;
        var super = entry.Shape[1] % 256 == 0;
        return storage switch
        {
            GgufStorage.Q8_0 => GgufType.Q8_0,
            GgufStorage.Q4_0 => GgufType.Q4_0,
            GgufStorage.Q4_K => super ? GgufType.Q4_K : GgufType.Q8_0,
            GgufStorage.Q6_K => super ? GgufType.Q6_K : GgufType.Q8_0,
            _ => throw new ArgumentOutOfRangeException(nameof(storage), storage, "No such storage."),
        };
    }

    private static long Pad(long size) => (size + Alignment - 1) / Alignment * Alignment;
}
