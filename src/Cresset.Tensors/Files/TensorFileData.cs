using Cresset.Numerics;
using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>The data of an open tensor file: dense little-endian elements at known offsets, read or mapped.</summary>
internal sealed class TensorFileData(string path, SafeFileHandle handle, long length) : IDisposable
{
    private const int ChunkBytes = 1 << 28;
    private readonly Dictionary<ScalarType, Tensor> _maps = [];

    public string Path { get; } = path;

    public SafeFileHandle Handle { get; } = handle;

    public long Length { get; } = length;

    public static TensorFileData Open(string path)
    {
        if (Directory.Exists(path)) throw new FileNotFoundException($"{path} is a folder; a file is expected.", path);
        var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        return new TensorFileData(path, handle, RandomAccess.GetLength(handle));
    }

    /// <summary>A new tensor of the entry's shape.</summary>
    public Tensor Read(SafetensorsEntry entry)
    {
        if (!entry.Dtype.IsNative()) return ReadConverted(entry);
        var shape = entry.Shape.ToArray();
        if (entry.Length == 0) return empty(shape, dtype: entry.Dtype.Scalar());
        if (entry.Offset + entry.Length > RandomAccess.GetLength(Handle)) throw Cut(entry.Offset + entry.Length);
        var tensor = empty(shape, dtype: entry.Dtype.Scalar());
        try
        {
            using var scope = NewDisposeScope();
            var flat = tensor.view(-1);
            var size = entry.Dtype.Bits() / 8;
            var step = ChunkBytes / size;
            var count = entry.Length / size;
            for (long start = 0; start < count; start += step)
                Fill(flat.narrow(0, start, Math.Min(step, count - start)).bytes, entry.Offset + (start * size));
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>A view of the mapped file where the element type has one and the offset divides; else as <see cref="Read"/>.</summary>
    public Tensor Map(SafetensorsEntry entry)
    {
        var size = entry.Dtype.Bits() / 8;
        // A mapped bool would show whatever byte is in the file; complex numbers have no mapping.
        var mappable = entry.Dtype.IsNative()
            && entry.Dtype is not (SafetensorsDtype.Bool or SafetensorsDtype.C64 or SafetensorsDtype.C128);
        if (!mappable || entry.Length == 0 || entry.Offset % size != 0) return Read(entry);
        using var part = Whole(entry.Dtype.Scalar(), size).narrow(0, entry.Offset / size, entry.Length / size);
        return part.view(entry.Shape.ToArray());
    }

    /// <summary>The stored bytes of an entry, unsigned bytes over the mapped file.</summary>
    public Tensor MapBytes(SafetensorsEntry entry) =>
        entry.Length == 0 ? empty(0, dtype: ScalarType.Byte) : Whole(ScalarType.Byte, 1).narrow(0, entry.Offset, entry.Length);

    public void CopyBytes(SafetensorsEntry entry, Stream target)
    {
        var buffer = new byte[Math.Min(entry.Length, 1 << 20)];
        for (long at = 0; at < entry.Length; at += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, entry.Length - at));
            Fill(part, entry.Offset + at);
            target.Write(part);
        }
    }

    public void Fill(Span<byte> target, long offset)
    {
        while (target.Length > 0)
        {
            var got = RandomAccess.Read(Handle, target, offset);
            if (got == 0) throw Cut(offset + target.Length);
            target = target[got..];
            offset += got;
        }
    }

    /// <summary>Closes the file. Mapped tensors stay valid.</summary>
    public void Dispose()
    {
        foreach (var map in _maps.Values) map.Dispose();
        _maps.Clear();
        Handle.Dispose();
    }

    public static KeyNotFoundException NoSuchKey(string path, string name, IEnumerable<string> keys)
        => new($"{path} holds no tensor '{name}'.{NearestName.Suggest(name, keys)}");

    private Tensor Whole(ScalarType type, int size)
    {
        if (_maps.TryGetValue(type, out var map)) return map;
        map = from_file(Path, false, Length / size, type).DetachFromDisposeScope();
        _maps.Add(type, map);
        return map;
    }

    private Tensor ReadConverted(SafetensorsEntry entry)
    {
        if (entry.Dtype == SafetensorsDtype.Unknown)
            throw new NotSupportedException(
                $"{Path}: '{entry.Name}' has the element type {entry.TypeName}, which is not read; its other tensors are.");
        if (entry.Length > Array.MaxLength)
            throw new NotSupportedException(
                $"{Path}: '{entry.Name}' has {entry.Length} bytes of type {entry.TypeName}, which is converted in one piece of at most "
                    + $"{Array.MaxLength} bytes.");
        if (entry.Offset + entry.Length > RandomAccess.GetLength(Handle)) throw Cut(entry.Offset + entry.Length);
        var bytes = new byte[entry.Length];
        Fill(bytes, entry.Offset);
        using var flat = SmallFloats.Decode(bytes, entry, Path);
        return flat.reshape(entry.Shape.ToArray());
    }

    private InvalidDataException Cut(long needed) =>
        new($"{Path}: the file ends at offset {RandomAccess.GetLength(Handle)}, before {needed}; it was cut while it was open.");
}
