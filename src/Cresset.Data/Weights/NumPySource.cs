using System.IO.Compression;
using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>
/// Arrays of a NumPy file (<c>.npz</c>, or <c>.npy</c> as one array named like the file), open for reading. Arrays of types that are not
/// read (texts, objects, complex numbers) are listed; the others can be read.
/// </summary>
public sealed class NumPySource : ITensorSource
{
    private readonly bool _isArchive;
    private readonly Dictionary<string, SafetensorsEntry> _entries = [];

    private NumPySource(string path, bool isArchive) => (Path, _isArchive) = (path, isArchive);

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _entries;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    /// <summary>Reads the heads of all arrays.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is damaged or of another kind.</exception>
    public static NumPySource Open(string path)
    {
        Span<byte> first = stackalloc byte[2];
        using var file = File.OpenRead(path);
        file.ReadAtLeast(first, 2, throwOnEndOfStream: false);
        file.Position = 0;
        if (!first.SequenceEqual("PK"u8))
        {
            var single = new NumPySource(path, isArchive: false);
            single.Add(System.IO.Path.GetFileNameWithoutExtension(path), file, file.Length, path);
            return single;
        }
        var source = new NumPySource(path, isArchive: true);
        NpzFile.Open(path, archive =>
        {
            foreach (var entry in archive.Entries.Where(e => e.FullName.EndsWith(NpzFile.Suffix, StringComparison.Ordinal)))
            {
                var name = entry.FullName[..^NpzFile.Suffix.Length];
                using var stream = entry.Open();
                source.Add(name, stream, entry.Length, $"{path} ({name})");
            }
            return source;
        });
        return source;
    }

    /// <inheritdoc/>
    public Tensor Read(string name)
    {
        if (!_entries.TryGetValue(name, out var entry))
            throw new KeyNotFoundException($"{Path} holds no array '{name}'.{NearestName.Suggest(name, _entries.Keys)}");
        if (entry.Dtype == SafetensorsDtype.Unknown)
            throw new NotSupportedException(
                $"{Path}: '{name}' has the element type {entry.TypeName}, which is not read; its other arrays are.");
        return _isArchive ? NpzFile.Read(Path, name) : NpyFile.Read(Path);
    }

    /// <inheritdoc/>
    public Tensor Map(string name) => Read(name);

    /// <summary>Nothing is held open.</summary>
    public void Dispose()
    {
    }

    private void Add(string name, Stream stream, long length, string title)
    {
        NpyHeader header;
        try
        {
            header = NpyHeader.Read(stream, title);
        }
        catch (InvalidDataException e) when (NpyHeader.Unread(e) is not null)
        {
            var (descr, shape) = NpyHeader.Unread(e)!.Value;
            Add(new SafetensorsEntry(name, SafetensorsDtype.Unknown, shape, 0, length) { TypeName = descr });
            return;
        }
        var dtype = (header.Kind, header.ItemSize) switch
        {
            ('u', 2) => SafetensorsDtype.U16,
            ('u', 4) => SafetensorsDtype.U32,
            ('u', 8) => SafetensorsDtype.U64,
            _ => SafetensorsDtypes.Of(header.Type),
        };
        Add(new SafetensorsEntry(name, dtype, header.Shape, 0, header.Count * header.ItemSize));
    }

    private void Add(SafetensorsEntry entry)
    {
        if (!_entries.TryAdd(entry.Name, entry)) throw new InvalidDataException($"{Path}: the array '{entry.Name}' is there twice.");
    }
}
