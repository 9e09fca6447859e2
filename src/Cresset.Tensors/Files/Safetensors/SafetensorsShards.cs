using System.Text.Json;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// A checkpoint in several files (safetensors, or PyTorch's <c>.bin</c>) with an <c>*.index.json</c> that says which key lies where.
/// </summary>
public sealed class SafetensorsShards : IStoredTensors, IStoredBytes
{
    private readonly Dictionary<string, ITensorSource> _files;
    private readonly Dictionary<string, ITensorSource> _owner = [];
    private readonly Dictionary<string, SafetensorsEntry> _entries = [];
    private readonly Dictionary<string, string> _metadata = [];

    private SafetensorsShards(string path, Dictionary<string, ITensorSource> files) => (Path, _files) = (path, files);

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _entries;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Opens the index and every file it names.</summary>
    /// <exception cref="InvalidDataException">The index is damaged, names a file outside its folder, or a shard lacks a key.</exception>
    /// <exception cref="FileNotFoundException">A shard is missing.</exception>
    public static SafetensorsShards Open(string indexPath)
    {
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(indexPath))!;
        var map = ReadWeightMap(indexPath);
        var shards = new SafetensorsShards(indexPath, []);
        try
        {
            foreach (var file in map.Values.Distinct().Order(StringComparer.Ordinal))
            {
                if (System.IO.Path.GetFileName(file) != file || file is "" or "." or "..")
                    throw new InvalidDataException($"{indexPath}: weight_map names '{file}'; only files beside the index are allowed.");
                var path = System.IO.Path.Combine(folder, file);
                if (!File.Exists(path)) throw new FileNotFoundException($"{indexPath} names the shard '{file}', which is not there.", path);
                var opened = TensorFile.OpenSingle(path);
                shards._files.Add(file, opened);
                foreach (var (key, value) in opened.Metadata) shards._metadata.TryAdd(key, value);
            }
            foreach (var (name, file) in map)
            {
                var owner = shards._files[file];
                if (!owner.Entries.TryGetValue(name, out var entry))
                    throw new InvalidDataException($"{indexPath}: weight_map places '{name}' in '{file}', which does not hold it.");
                shards._owner.Add(name, owner);
                shards._entries.Add(name, entry);
            }
            return shards;
        }
        catch
        {
            shards.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public Tensor Read(string name) => Owner(name).Read(name);

    /// <inheritdoc/>
    public Tensor Map(string name) => Owner(name).Map(name);

    /// <inheritdoc/>
    public Tensor MapBytes(string name)
        => Owner(name) is IStoredBytes stored ? stored.MapBytes(name)
            : throw new NotSupportedException($"{Owner(name).Path}: stored bytes cannot be mapped.");

    void IStoredTensors.CopyBytes(string name, Stream target)
    {
        if (Owner(name) is not IStoredTensors stored)
            throw new NotSupportedException($"{Owner(name).Path}: stored bytes cannot be copied.");
        stored.CopyBytes(name, target);
    }

    /// <summary>Closes all files.</summary>
    public void Dispose()
    {
        foreach (var file in _files.Values) file.Dispose();
    }

    private ITensorSource Owner(string name) => _owner.TryGetValue(name, out var file)
        ? file
        : throw TensorFileData.NoSuchKey(Path, name, _owner.Keys);

    private static Dictionary<string, string> ReadWeightMap(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { MaxDepth = 8 });
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("weight_map", out var map)
                || map.ValueKind != JsonValueKind.Object)
                throw new InvalidDataException($"{path}: no object 'weight_map' in the index.");
            var result = new Dictionary<string, string>();
            foreach (var property in map.EnumerateObject())
            {
                if (property.Value.ValueKind != JsonValueKind.String)
                    throw new InvalidDataException($"{path}: weight_map['{property.Name}'] is not a file name.");
                if (!result.TryAdd(property.Name, property.Value.GetString()!))
                    throw new InvalidDataException($"{path}: weight_map names '{property.Name}' twice.");
            }
            return result;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}: the index is not valid JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine}).",
                e);
        }
    }
}
