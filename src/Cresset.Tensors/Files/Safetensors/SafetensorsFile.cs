using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>One safetensors file, open for reading. Opening reads and checks the header only.</summary>
public sealed class SafetensorsFile : IStoredTensors, IStoredBytes
{
    private readonly TensorFileData _data;
    private readonly SafetensorsHeader _header;

    private SafetensorsFile(TensorFileData data, SafetensorsHeader header) => (_data, _header) = (data, header);

    /// <inheritdoc/>
    public string Path => _data.Path;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _header.Entries;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>
    /// Opens a file and checks its header against its length. A tensor of an unknown type is listed; the others can be read.
    /// </summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The header or the layout is damaged; the message names file, offset and fault.</exception>
    public static SafetensorsFile Open(string path)
    {
        var data = TensorFileData.Open(path);
        try
        {
            Span<byte> first = stackalloc byte[8];
            var got = RandomAccess.Read(data.Handle, first, 0);
            var json = new byte[SafetensorsHeader.HeaderLength(path, first[..got], data.Length)];
            data.Fill(json, 8);
            return new SafetensorsFile(data, SafetensorsHeader.Parse(path, json, data.Length));
        }
        catch
        {
            data.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Tensor Read(string name) => _data.Read(Find(name));

    /// <inheritdoc/>
    public Tensor Map(string name) => _data.Map(Find(name));

    /// <summary>The stored bytes of a tensor, of whatever type.</summary>
    /// <exception cref="KeyNotFoundException">There is no such key; the nearest is named.</exception>
    public byte[] ReadBytes(string name)
    {
        var bytes = new byte[Find(name).Length];
        _data.Fill(bytes, Find(name).Offset);
        return bytes;
    }

    /// <inheritdoc/>
    public Tensor MapBytes(string name) => _data.MapBytes(Find(name));

    void IStoredTensors.CopyBytes(string name, Stream target) => _data.CopyBytes(Find(name), target);

    /// <summary>Closes the file. Mapped tensors stay valid.</summary>
    public void Dispose() => _data.Dispose();

    private SafetensorsEntry Find(string name)
        => _header.Entries.TryGetValue(name, out var entry) ? entry : throw TensorFileData.NoSuchKey(Path, name, _header.Entries.Keys);
}
