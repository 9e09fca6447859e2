using System.Text.Json;
using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>Writes safetensors files, byte for byte as the reference writer lays them out (largest element type first, then by name).</summary>
public static class SafetensorsWriter
{
    private const int ChunkBytes = 1 << 28;

    /// <summary>Writes all tensors to one file, atomically.</summary>
    /// <param name="path">The file; its folder is made when missing.</param>
    /// <param name="tensors">Any device, any strides.</param>
    /// <param name="metadata">Free text for the header.</param>
    /// <param name="float8">Store floating-point tensors as this 8-bit type; null keeps their own.</param>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null, SafetensorsDtype? float8 = null)
    {
        if (float8 is { } f and not (SafetensorsDtype.F8E4M3 or SafetensorsDtype.F8E5M2)) throw new ArgumentException($"float8 is {f}; allowed are F8E4M3 and F8E5M2.", nameof(float8));
        var entries = Layout(tensors, float8);
        var header = SafetensorsHeader.Write(entries, metadata ?? new Dictionary<string, string>());
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            foreach (var entry in entries) WriteData(stream, tensors[entry.Name], entry);
        });
    }

    /// <summary>
    /// Writes shards of at most <paramref name="maxShardBytes"/> bytes of data (a larger tensor gets one of its own) named
    /// <c>stem-00001-of-0000N.safetensors</c>, and <c>stem.safetensors.index.json</c> last. Returns the index path.
    /// </summary>
    public static string WriteSharded(string folder, string stem, IReadOnlyDictionary<string, Tensor> tensors, long maxShardBytes, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxShardBytes);
        var shards = new List<Dictionary<string, Tensor>> { new() };
        long filled = 0, total = 0;
        foreach (var entry in Layout(tensors, null))
        {
            if (filled > 0 && filled + entry.Length > maxShardBytes)
            {
                shards.Add([]);
                filled = 0;
            }
            shards[^1].Add(entry.Name, tensors[entry.Name]);
            filled += entry.Length;
            total += entry.Length;
        }
        var map = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < shards.Count; i++)
        {
            var name = $"{stem}-{i + 1:00000}-of-{shards.Count:00000}.safetensors";
            Write(System.IO.Path.Combine(folder, name), shards[i], metadata);
            foreach (var key in shards[i].Keys) map.Add(key, name);
        }
        var index = System.IO.Path.Combine(folder, $"{stem}.safetensors.index.json");
        AtomicFile.WriteBytes(index, JsonSerializer.SerializeToUtf8Bytes(new { metadata = new { total_size = total }, weight_map = map }, IndexFormat));
        return index;
    }

    private static readonly JsonSerializerOptions IndexFormat = new() { WriteIndented = true };

    private static List<SafetensorsEntry> Layout(IReadOnlyDictionary<string, Tensor> tensors, SafetensorsDtype? float8)
    {
        var entries = new List<SafetensorsEntry>();
        foreach (var (name, tensor) in tensors)
        {
            if (name == "__metadata__") throw new ArgumentException("'__metadata__' is reserved in safetensors and cannot name a tensor.", nameof(tensors));
            var dtype = float8 is { } small && tensor.is_floating_point() ? small : SafetensorsDtypes.Of(tensor.dtype);
            entries.Add(new SafetensorsEntry(name, dtype, tensor.shape, 0, tensor.numel() * dtype.Size()));
        }
        long offset = 0;
        return entries.OrderByDescending(e => e.Dtype).ThenBy(e => e.Name, StringComparer.Ordinal).Select(e =>
        {
            var placed = e with { Offset = offset };
            offset += e.Length;
            return placed;
        }).ToList();
    }

    private static void WriteData(Stream stream, Tensor tensor, SafetensorsEntry entry)
    {
        if (entry.Length == 0) return;
        using var scope = NewDisposeScope();
        var flat = tensor.detach().cpu().contiguous().view(-1);
        if (!entry.Dtype.IsNative()) flat = EncodeFloat8(flat, entry.Dtype);
        var size = flat.element_size();
        var step = ChunkBytes / size;
        for (long start = 0; start < flat.numel(); start += step) stream.Write(flat.narrow(0, start, Math.Min(step, flat.numel() - start)).bytes);
    }

    private static Tensor EncodeFloat8(Tensor values, SafetensorsDtype dtype)
    {
        var floats = values.to(ScalarType.Float32).data<float>().ToArray();
        Converter<float, byte> encode = dtype == SafetensorsDtype.F8E4M3 ? Float8.ToE4M3 : Float8.ToE5M2;
        return tensor(Array.ConvertAll(floats, encode));
    }
}
