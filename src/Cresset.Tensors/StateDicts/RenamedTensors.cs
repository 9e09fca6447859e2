using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>A source under other keys, or without some. Keys of one tied weight stay tied as long as any of them is kept.</summary>
internal class RenamedTensors : ITensorSource
{
    private readonly ITensorSource _inner;
    private readonly Dictionary<string, string> _stored = [];
    private readonly Dictionary<string, SafetensorsEntry> _entries = [];
    private readonly Dictionary<string, string> _aliases = [];

    protected RenamedTensors(ITensorSource inner, KeyMap keys)
    {
        _inner = inner;
        var aliases = inner.Aliases;
        Metadata = inner.Metadata.Where(pair => !aliases.ContainsKey(pair.Key)).ToDictionary();
        var first = new Dictionary<string, string>();
        var origin = new Dictionary<string, string>();
        foreach (var old in inner.Entries.Keys.Concat(aliases.Keys.Where(a => !inner.Entries.ContainsKey(a))))
        {
            if (keys.Apply(old) is not { } key)
            {
                Dropped.Add(old);
                continue;
            }
            if (!origin.TryAdd(key, old))
                throw new CheckpointException($"{inner.Path}: '{old}' and '{origin[key]}' both become '{key}'; nothing was written.");
            if (key != old) Renamed.Add((old, key));
            var stored = aliases.GetValueOrDefault(old, old);
            if (!first.TryAdd(stored, key))
            {
                _aliases.Add(key, first[stored]);
                continue;
            }
            _stored.Add(key, stored);
            _entries.Add(key, inner.Entries[stored] with { Name = key });
        }
    }

    /// <summary>Keys that the map dropped.</summary>
    public List<string> Dropped { get; } = [];

    /// <summary>Keys that the map changed, old and new.</summary>
    public List<(string From, string To)> Renamed { get; } = [];

    public string Path => _inner.Path;

    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _entries;

    public IReadOnlyDictionary<string, string> Metadata { get; }

    public IReadOnlyDictionary<string, string> Aliases => _aliases;

    public static RenamedTensors Of(ITensorSource inner, KeyMap keys) =>
        inner is IStoredTensors stored ? new Stored(stored, keys) : new RenamedTensors(inner, keys);

    public Tensor Read(string name) => _inner.Read(Find(name));

    public Tensor Map(string name) => _inner.Map(Find(name));

    public void Dispose() => _inner.Dispose();

    private string Find(string name) =>
        _stored.TryGetValue(name, out var key) ? key : throw TensorFileData.NoSuchKey(Path, name, _stored.Keys);

    private sealed class Stored(IStoredTensors inner, KeyMap keys) : RenamedTensors(inner, keys), IStoredTensors
    {
        public void CopyBytes(string name, Stream target) => inner.CopyBytes(Find(name), target);
    }
}
