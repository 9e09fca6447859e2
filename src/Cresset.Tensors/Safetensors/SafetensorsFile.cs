using Cresset.Numerics;
using Microsoft.Win32.SafeHandles;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>One safetensors file, open for reading. Opening reads and checks the header only.</summary>
public sealed class SafetensorsFile : ITensorSource
{
    private const int ChunkBytes = 1 << 28;
    private readonly SafeFileHandle _handle;
    private readonly SafetensorsHeader _header;
    private readonly long _length;
    private readonly Dictionary<ScalarType, Tensor> _maps = [];

    private SafetensorsFile(string path, SafeFileHandle handle, SafetensorsHeader header, long length)
        => (Path, _handle, _header, _length) = (path, handle, header, length);

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _header.Entries;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Opens a file and checks its header against its length.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The header or the layout is damaged; the message names file, offset and fault.</exception>
    public static SafetensorsFile Open(string path)
    {
        var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            var length = RandomAccess.GetLength(handle);
            Span<byte> first = stackalloc byte[8];
            var got = RandomAccess.Read(handle, first, 0);
            var json = new byte[SafetensorsHeader.HeaderLength(path, first[..got], length)];
            ReadFully(handle, json, 8, path);
            return new SafetensorsFile(path, handle, SafetensorsHeader.Parse(path, json, length), length);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Tensor Read(string name)
    {
        var entry = Find(name);
        if (!entry.Dtype.IsNative()) return ReadConverted(entry);
        var tensor = empty(entry.Shape.ToArray(), dtype: entry.Dtype.Scalar());
        if (entry.Length == 0) return tensor;
        using var scope = NewDisposeScope();
        var flat = tensor.view(-1);
        var step = ChunkBytes / entry.Dtype.Size();
        for (long start = 0; start < entry.Count; start += step)
        {
            var count = Math.Min(step, entry.Count - start);
            ReadFully(_handle, flat.narrow(0, start, count).bytes, entry.Offset + (start * entry.Dtype.Size()), Path);
        }
        return tensor;
    }

    /// <inheritdoc/>
    public Tensor Map(string name)
    {
        var entry = Find(name);
        var size = entry.Dtype.Size();
        if (!entry.Dtype.IsNative() || entry.Length == 0 || entry.Offset % size != 0 || entry.Dtype == SafetensorsDtype.Bool) return Read(name);
        if (!_maps.TryGetValue(entry.Dtype.Scalar(), out var map))
        {
            map = from_file(Path, false, _length / size, entry.Dtype.Scalar()).DetachFromDisposeScope();
            _maps.Add(entry.Dtype.Scalar(), map);
        }
        using var part = map.narrow(0, entry.Offset / size, entry.Count);
        return part.view(entry.Shape.ToArray());
    }

    /// <summary>Closes the file. Mapped tensors stay valid.</summary>
    public void Dispose()
    {
        foreach (var map in _maps.Values) map.Dispose();
        _maps.Clear();
        _handle.Dispose();
    }

    private SafetensorsEntry Find(string name)
    {
        if (_header.Entries.TryGetValue(name, out var entry)) return entry;
        throw new KeyNotFoundException($"{Path} holds no tensor '{name}'.{NearestName.Suggest(name, _header.Entries.Keys)}");
    }

    private Tensor ReadConverted(SafetensorsEntry entry)
    {
        var bytes = new byte[checked((int)entry.Length)];
        ReadFully(_handle, bytes, entry.Offset, Path);
        using var scope = NewDisposeScope();
        var shape = entry.Shape.ToArray();
        var flat = entry.Dtype switch
        {
            SafetensorsDtype.F8E5M2 => tensor(Array.ConvertAll(bytes, Float8.FromE5M2)).to(ScalarType.BFloat16),
            SafetensorsDtype.F8E4M3 => tensor(Array.ConvertAll(bytes, Float8.FromE4M3)).to(ScalarType.BFloat16),
            SafetensorsDtype.U16 => tensor(Array.ConvertAll(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(bytes).ToArray(), v => (int)v)),
            _ => tensor(Array.ConvertAll(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(bytes).ToArray(), v => (long)v)),
        };
        return flat.reshape(shape).MoveToOuterDisposeScope();
    }

    private static void ReadFully(SafeFileHandle handle, Span<byte> target, long offset, string path)
    {
        while (target.Length > 0)
        {
            var got = RandomAccess.Read(handle, target, offset);
            if (got == 0) throw new InvalidDataException($"{path}: the file ends at offset {offset}, {target.Length} bytes early; it was cut while it was being read.");
            target = target[got..];
            offset += got;
        }
    }
}
