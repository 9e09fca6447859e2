using System.Globalization;
using System.Text.Json;
using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// Writes safetensors files, byte for byte as the reference writer lays them out (largest element type first, then by name).
/// </summary>
public static class SafetensorsWriter
{
    private const int ChunkBytes = 1 << 28;

    /// <summary>Writes all tensors to one file, atomically.</summary>
    /// <param name="path">The file; its folder is made when missing.</param>
    /// <param name="tensors">Any device, any strides.</param>
    /// <param name="metadata">Free text for the header.</param>
    /// <param name="float8">Store floating-point tensors as this 8-bit type; null keeps their own.</param>
    /// <exception cref="NotSupportedException">A value lies beyond <paramref name="float8"/>; it is named, and nothing is
    /// written.</exception>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null,
        SafetensorsDtype? float8 = null)
    {
        if (float8 is { } f and not (SafetensorsDtype.F8E4M3 or SafetensorsDtype.F8E5M2))
            throw new ArgumentException($"float8 is {f}; allowed are F8E4M3 and F8E5M2.", nameof(float8));
        Write(path, Layout(tensors, float8), metadata, (entry, stream) => WriteData(stream, tensors[entry.Name], entry));
    }

    /// <summary>
    /// Writes the tensors of another file to one safetensors file, one after the other: as they are stored, bit for bit, or converted.
    /// Tensors that share all their memory are written once; the metadata names the other keys.
    /// </summary>
    /// <param name="path">The file; its folder is made when missing. It may be the source itself.</param>
    /// <param name="source">Any open tensor file.</param>
    /// <param name="metadata">Free text for the header; null takes the source's.</param>
    /// <param name="dtype">A type for all floating-point tensors; null keeps their own.</param>
    /// <param name="cancellation">Stops between two tensors; nothing is left behind then.</param>
    /// <exception cref="NotSupportedException">A tensor has an element type that safetensors lacks, or values beyond
    /// <paramref name="dtype"/>; it is named, and nothing is written.</exception>
    public static void Copy(string path, ITensorSource source, IReadOnlyDictionary<string, string>? metadata = null,
        ScalarType? dtype = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (dtype is { } wanted && !SafetensorsDtypes.Of(wanted).IsFloating())
            throw new ArgumentException($"dtype is {wanted}; allowed are the floating-point types of safetensors.", nameof(dtype));
        var aliases = source.Aliases;
        var entries = source.Entries.Values.Where(e => !aliases.ContainsKey(e.Name)).Select(e => Stored(e, source, dtype));
        var texts = new Dictionary<string, string>(metadata ?? source.Metadata);
        texts.TryAdd("format", "pt");
        foreach (var (alias, name) in aliases) texts[alias] = name;
        Write(path, Place(entries), texts, (entry, stream) =>
        {
            cancellation.ThrowIfCancellationRequested();
            if (source is IStoredTensors stored && entry.Dtype == source.Entries[entry.Name].Dtype)
            {
                stored.CopyBytes(entry.Name, stream);
                return;
            }
            using var tensor = source.Map(entry.Name);
            using var converted = TensorCasts.To(tensor, entry.Dtype.Scalar(), entry.Name, source.Path);
            WriteData(stream, converted, entry);
        });
    }

    private static void Write(string path, List<SafetensorsEntry> entries, IReadOnlyDictionary<string, string>? metadata,
        Action<SafetensorsEntry, Stream> write)
    {
        var header = SafetensorsHeader.Write(entries, metadata ?? new Dictionary<string, string>());
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            foreach (var entry in entries)
            {
                var start = stream.Position;
                write(entry, stream);
                if (stream.Position - start != entry.Length)
                    throw new InvalidDataException(
                        $"{path}: '{entry.Name}' took {stream.Position - start} bytes, {entry.Length} were laid out for it.");
            }
        });
    }

    private static SafetensorsEntry Stored(SafetensorsEntry entry, ITensorSource source, ScalarType? dtype)
    {
        var type = dtype is { } wanted && entry.Dtype.IsFloating() ? SafetensorsDtypes.Of(wanted) : entry.Dtype;
        if (source is not IStoredTensors && type == entry.Dtype) type = SafetensorsDtypes.Of(entry.Dtype.Scalar());
        if (!type.IsInFormat())
            throw new NotSupportedException(
                $"{source.Path}: '{entry.Name}' has the element type {entry.TypeName}, which safetensors files cannot hold.");
        return new SafetensorsEntry(entry.Name, type, entry.Shape, 0, type.Bytes(entry.Count));
    }

    /// <summary>
    /// Writes shards of at most <paramref name="maxShardBytes"/> bytes of data (a larger tensor gets one of its own) named
    /// <c>stem-00001-of-0000N.safetensors</c>, and <c>stem.safetensors.index.json</c> last. Returns the index path.
    /// </summary>
    public static string WriteSharded(string folder, string stem, IReadOnlyDictionary<string, Tensor> tensors, long maxShardBytes,
        IReadOnlyDictionary<string, string>? metadata = null)
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
        AtomicFile.WriteBytes(index,
            JsonSerializer.SerializeToUtf8Bytes(new { metadata = new { total_size = total }, weight_map = map }, IndexFormat));
        return index;
    }

    private static readonly JsonSerializerOptions IndexFormat = new() { WriteIndented = true };

    private static List<SafetensorsEntry> Layout(IReadOnlyDictionary<string, Tensor> tensors, SafetensorsDtype? float8)
    {
        var entries = new List<SafetensorsEntry>();
        foreach (var (name, tensor) in tensors)
        {
            if (tensor is null) throw new ArgumentException($"'{name}' is null; nothing was written.", nameof(tensors));
            if (tensor.is_sparse || tensor.device_type == TorchSharp.DeviceType.META)
                throw new NotSupportedException(
                    $"'{name}' is {(tensor.is_sparse ? "sparse; write its to_dense()" : "without memory (device meta)")}. Nothing was "
                        + "written.");
            var dtype = float8 is { } small && tensor.is_floating_point() ? small : SafetensorsDtypes.Of(tensor.dtype);
            entries.Add(new SafetensorsEntry(name, dtype, tensor.shape, 0, dtype.Bytes(tensor.numel())));
        }
        return Place(entries);
    }

    private static List<SafetensorsEntry> Place(IEnumerable<SafetensorsEntry> entries)
    {
        long offset = 0;
        return entries.OrderByDescending(e => e.Dtype).ThenBy(e => e.Name, StringComparer.Ordinal).Select(e =>
        {
            if (e.Name == "__metadata__")
                throw new ArgumentException("'__metadata__' is reserved in safetensors and cannot name a tensor.", nameof(entries));
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
        if (!entry.Dtype.IsNative()) flat = EncodeFloat8(flat, entry);
        var size = flat.element_size();
        var step = ChunkBytes / size;
        for (long start = 0; start < flat.numel(); start += step)
            stream.Write(flat.narrow(0, start, Math.Min(step, flat.numel() - start)).bytes);
    }

    private static Tensor EncodeFloat8(Tensor values, SafetensorsEntry entry)
    {
        var floats = values.to(ScalarType.Float32).data<float>().ToArray();
        var isE4M3 = entry.Dtype == SafetensorsDtype.F8E4M3;
        Converter<float, byte> encode = isE4M3 ? Float8.ToE4M3 : Float8.ToE5M2;
        var bytes = Array.ConvertAll(floats, encode);
        // The first pattern of what is not a finite number; one type has no infinity, the other has.
        var beyond = isE4M3 ? 0x7f : 0x7c;
        for (var i = 0; i < bytes.Length; i++)
        {
            if ((bytes[i] & 0x7f) < beyond || !float.IsFinite(floats[i])) continue;
            throw new NotSupportedException(
                string.Create(CultureInfo.InvariantCulture,
                    $"'{entry.Name}' holds {floats[i]} at element {i}, which {entry.TypeName} does not hold (up to "
                        + $"{(isE4M3 ? 448 : 57344)}). Nothing was written; scale it first, or store it in another type."));
        }
        return tensor(bytes);
    }
}
