using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>A safetensors file that lies in memory, such as one that is embedded in an assembly.</summary>
public sealed class SafetensorsBytes : ITensorSource
{
    private readonly byte[] _content;
    private readonly SafetensorsHeader _header;

    private SafetensorsBytes(string name, byte[] content, SafetensorsHeader header) => (Path, _content, _header) = (name, content, header);

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _header.Entries;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Reads a stream to its end and checks the header against its length.</summary>
    /// <param name="name">What it is called in messages.</param>
    /// <param name="stream">The file's content.</param>
    /// <exception cref="InvalidDataException">The header or the layout is damaged.</exception>
    public static SafetensorsBytes Read(string name, Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        var content = memory.ToArray();
        var length = SafetensorsHeader.HeaderLength(name, content.AsSpan(0, Math.Min(8, content.Length)), content.Length);
        return new SafetensorsBytes(name, content, SafetensorsHeader.Parse(name, content.AsSpan(8, length), content.Length));
    }

    /// <inheritdoc/>
    public Tensor Read(string name)
    {
        if (!_header.Entries.TryGetValue(name, out var entry)) throw TensorFileData.NoSuchKey(Path, name, _header.Entries.Keys);
        if (!entry.Dtype.IsNative())
            throw new NotSupportedException($"{Path}: '{name}' is stored as {entry.TypeName}, which is not read from memory.");
        var tensor = empty(entry.Shape.ToArray(), dtype: entry.Dtype.Scalar());
        if (entry.Length > 0) _content.AsSpan(checked((int)entry.Offset), checked((int)entry.Length)).CopyTo(tensor.bytes);
        return tensor;
    }

    /// <inheritdoc/>
    public Tensor Map(string name) => Read(name);

    /// <summary>Nothing native is held.</summary>
    public void Dispose()
    {
    }
}
