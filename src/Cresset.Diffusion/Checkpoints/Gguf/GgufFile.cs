using System.Buffers.Binary;
using System.Text;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// A GGUF file (version 2 or 3) as stable-diffusion.cpp, llama.cpp and ComfyUI-GGUF write them, open for reading. Plain numbers are mapped;
/// quantized tensors (Q4_0 to Q8_0, Q2_K to Q6_K, IQ4_NL, IQ4_XS) are unpacked to single precision when read by themselves, and stay packed
/// in networks.
/// </summary>
public sealed class GgufFile : IPackedSource, IStoredBytes
{
    private const uint Magic = 0x46554747;
    private const int MaxDimensions = 4;

    private readonly SafeFileHandle _handle;
    private readonly Dictionary<string, GgufType> _types;
    private readonly Dictionary<string, SafetensorsEntry> _entries;
    private readonly Dictionary<ScalarType, Tensor> _maps = [];

    private GgufFile(string path, SafeFileHandle handle, Dictionary<string, string> metadata, Dictionary<string, GgufType> types,
        Dictionary<string, SafetensorsEntry> entries)
        => (Path, _handle, Metadata, _types, _entries) = (path, handle, metadata, types, entries);

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _entries;

    /// <summary>Storage type of a tensor, such as "Q4_K".</summary>
    public string TypeOf(string name) =>
        _types.TryGetValue(name, out var type) ? type.ToString()
            : throw new KeyNotFoundException($"{Path} holds no tensor '{name}'.{NearestName.Suggest(name, _types.Keys)}");

    /// <summary>Bytes that a tensor takes in the file.</summary>
    internal long StoredBytes(string name) => _entries[name].Count / _types[name].Block().Elements * _types[name].Block().Bytes;

    /// <summary>Opens a file and checks its directory against its length.</summary>
    /// <exception cref="InvalidDataException">The file is damaged or uses a type that is not read; the message has the offset.</exception>
    public static GgufFile Open(string path)
    {
        var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
            return Parse(path, handle, new GgufReader(stream, path));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private static GgufFile Parse(string path, SafeFileHandle handle, GgufReader reader)
    {
        if (reader.UInt32() != Magic) throw reader.Broken("the file does not begin with GGUF");
        if (reader.UInt32() is var version and not (2 or 3)) throw reader.Broken($"version {version} is not known; 2 and 3 are");
        ulong tensors = reader.UInt64(), values = reader.UInt64();
        if (tensors > 1_000_000 || values > 1_000_000)
            throw reader.Broken($"it announces {tensors} tensors and {values} values, which cannot be");
        var metadata = new Dictionary<string, string>();
        for (ulong i = 0; i < values; i++) metadata[reader.Text()] = reader.Value(reader.UInt32(), 0);
        var alignment = metadata.TryGetValue("general.alignment", out var text) && long.TryParse(text, out var a) && a > 0 ? a : 32;
        var types = new Dictionary<string, GgufType>();
        var directory = new List<(string Name, long[] Shape, GgufType Type, ulong Offset)>();
        for (ulong i = 0; i < tensors; i++)
        {
            var name = reader.Text();
            var dimensions = reader.UInt32();
            if (dimensions > MaxDimensions)
                throw reader.Broken($"'{name}' has {dimensions} dimensions; at most {MaxDimensions} are allowed");
            var shape = new long[dimensions];
            // The fastest dimension comes first there.
            for (var d = 0; d < dimensions; d++) shape[dimensions - 1 - d] = checked((long)reader.UInt64());
            var type = (GgufType)reader.UInt32();
            if (type.Block().Elements == 0)
                throw reader.Broken($"'{name}' has the type number {(int)type}; read are {string.Join(", ", Enum.GetNames<GgufType>())}");
            if (!types.TryAdd(name, type)) throw reader.Broken($"'{name}' is there twice");
            directory.Add((name, shape, type, reader.UInt64()));
        }
        var start = (reader.Position + alignment - 1) / alignment * alignment;
        var length = RandomAccess.GetLength(handle);
        var entries = new Dictionary<string, SafetensorsEntry>();
        foreach (var (name, shape, type, offset) in directory)
        {
            var count = shape.Aggregate(1L, (x, y) => checked(x * y));
            var (elements, bytes) = type.Block();
            if (shape.Length > 0 && shape[^1] % elements != 0)
                throw new InvalidDataException(
                    $"{path}: '{name}' has rows of {shape[^1]} values, no multiple of the {elements} in a {type} block.");
            var size = count / elements * bytes;
            if (offset > (ulong)length || start + (long)offset + size > length)
                throw new InvalidDataException(
                    $"{path}: '{name}' ends at byte {start + (long)offset + size}, behind the end of the file at {length}; the file was "
                        + $"cut.");
            entries[name] = new SafetensorsEntry(name, Stored(type), shape, start + (long)offset,
                count * VirtualSource.Bytes(Stored(type)));
        }
        return new GgufFile(path, handle, metadata, types, entries);
    }

    /// <inheritdoc/>
    public Tensor Read(string name)
    {
        if (!_entries.TryGetValue(name, out var entry))
            throw new KeyNotFoundException($"{Path} holds no tensor '{name}'.{NearestName.Suggest(name, _entries.Keys)}");
        var type = _types[name];
        var (elements, size) = type.Block();
        var count = entry.Count;
        var tensor = empty([.. entry.Shape], dtype: Scalar(type));
        using var scope = NewDisposeScope();
        var flat = tensor.view(-1);
        var step = elements * (1L << 16);
        var buffer = new byte[Math.Min(step, count) / elements * size];
        for (long at = 0; at < count; at += step)
        {
            var now = Math.Min(step, count - at);
            var bytes = buffer.AsSpan(0, (int)(now / elements * size));
            Fill(bytes, entry.Offset + (at / elements * size));
            var target = flat.narrow(0, at, now).bytes;
            if (elements == 1) bytes.CopyTo(target);
            else BlockFormat.Of(type)!.Decode(bytes, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(target));
        }
        return tensor;
    }

    /// <inheritdoc/>
    public Tensor Map(string name)
    {
        if (!_entries.TryGetValue(name, out var entry)) return Read(name);
        var (elements, size) = _types[name].Block();
        if (elements != 1 || entry.Count == 0 || entry.Offset % size != 0) return Read(name);
        using var part = Whole(Scalar(_types[name]), size).narrow(0, entry.Offset / size, entry.Count);
        return part.view([.. entry.Shape]);
    }

    /// <inheritdoc/>
    public Tensor MapBytes(string name) =>
        _entries.TryGetValue(name, out var entry) ? Whole(ScalarType.Byte, 1).narrow(0, entry.Offset, StoredBytes(name))
        : throw new KeyNotFoundException($"{Path} holds no tensor '{name}'.{NearestName.Suggest(name, _entries.Keys)}");

    PackedWeight? IPackedSource.Packed(string name)
    {
        if (!_entries.TryGetValue(name, out var entry) || entry.Shape.Count != 2 || BlockFormat.Of(_types[name]) is not { } format)
            return null;
        using var scope = NewDisposeScope();
        return new PackedWeight(format, MapBytes(name).view(entry.Shape[0], format.RowBytes(entry.Shape[1])), entry.Shape[1]);
    }

    (string Type, long Bytes) IPackedSource.Stored(string name) => (TypeOf(name), StoredBytes(name));

    /// <summary>Closes the file. Mapped tensors stay valid.</summary>
    public void Dispose()
    {
        foreach (var map in _maps.Values) map.Dispose();
        _maps.Clear();
        _handle.Dispose();
    }

    private Tensor Whole(ScalarType type, int size)
    {
        if (_maps.TryGetValue(type, out var map)) return map;
        map = from_file(Path, false, RandomAccess.GetLength(_handle) / size, type).DetachFromDisposeScope();
        _maps.Add(type, map);
        return map;
    }

    private void Fill(Span<byte> target, long offset)
    {
        while (target.Length > 0)
        {
            var got = RandomAccess.Read(_handle, target, offset);
            if (got == 0) throw new InvalidDataException($"{Path}: the file ends at byte {offset}; it was cut while it was being read.");
            target = target[got..];
            offset += got;
        }
    }

    private static SafetensorsDtype Stored(GgufType type) => type switch
    {
        GgufType.F16 => SafetensorsDtype.F16,
        GgufType.BF16 => SafetensorsDtype.BF16,
        GgufType.F64 => SafetensorsDtype.F64,
        GgufType.I8 => SafetensorsDtype.I8,
        GgufType.I16 => SafetensorsDtype.I16,
        GgufType.I32 => SafetensorsDtype.I32,
        GgufType.I64 => SafetensorsDtype.I64,
        _ => SafetensorsDtype.F32,
    };

    private static ScalarType Scalar(GgufType type) => type switch
    {
        GgufType.F16 => ScalarType.Float16,
        GgufType.BF16 => ScalarType.BFloat16,
        GgufType.F64 => ScalarType.Float64,
        GgufType.I8 => ScalarType.Int8,
        GgufType.I16 => ScalarType.Int16,
        GgufType.I32 => ScalarType.Int32,
        GgufType.I64 => ScalarType.Int64,
        _ => ScalarType.Float32,
    };

    private sealed class GgufReader(Stream stream, string path)
    {
        private readonly byte[] _buffer = new byte[8];

        public long Position { get; private set; }

        public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

        public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

        public string Text()
        {
            var length = UInt64();
            if (length > 1 << 24) throw Broken($"a text of {length} bytes is announced");
            var bytes = new byte[length];
            Read(bytes);
            return Encoding.UTF8.GetString(bytes);
        }

        /// <summary>A metadata value as text; long lists are shown by their length.</summary>
        public string Value(uint kind, int depth)
        {
            var culture = System.Globalization.CultureInfo.InvariantCulture;
            switch (kind)
            {
                case 0: return Take(1)[0].ToString(culture);
                case 1: return ((sbyte)Take(1)[0]).ToString(culture);
                case 2: return BinaryPrimitives.ReadUInt16LittleEndian(Take(2)).ToString(culture);
                case 3: return BinaryPrimitives.ReadInt16LittleEndian(Take(2)).ToString(culture);
                case 4: return UInt32().ToString(culture);
                case 5: return ((int)UInt32()).ToString(culture);
                case 6: return BitConverter.UInt32BitsToSingle(UInt32()).ToString(culture);
                case 7: return Take(1)[0] != 0 ? "true" : "false";
                case 8: return Text();
                case 9 when depth < 4:
                    uint inner = UInt32();
                    var count = UInt64();
                    if (count > 1 << 24) throw Broken($"a list of {count} values is announced");
                    for (ulong i = 0; i < count; i++) Value(inner, depth + 1);
                    return $"[{count} values]";
                case 10: return UInt64().ToString(culture);
                case 11: return ((long)UInt64()).ToString(culture);
                case 12: return BitConverter.UInt64BitsToDouble(UInt64()).ToString(culture);
                default: throw Broken($"a value has the unknown kind {kind}");
            }
        }

        public InvalidDataException Broken(string what) => new($"{path} is not a readable GGUF file: at byte {Position} {what}.");

        private ReadOnlySpan<byte> Take(int count)
        {
            Read(_buffer.AsSpan(0, count));
            return _buffer.AsSpan(0, count);
        }

        private void Read(Span<byte> target)
        {
            var at = Position;
            var got = stream.ReadAtLeast(target, target.Length, throwOnEndOfStream: false);
            Position += got;
            if (got < target.Length)
                throw new InvalidDataException(
                    $"{path} is not a readable GGUF file: it ends at byte {Position}, where {target.Length} bytes from {at} are wanted.");
        }
    }
}
