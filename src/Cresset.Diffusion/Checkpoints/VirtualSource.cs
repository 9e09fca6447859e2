using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Tensors of other sources under other names, cut or joined on the way; nothing is read before it is asked for.</summary>
internal sealed class VirtualSource(string path, ITensorSource? owned = null) : IPackedSource
{
    private readonly Dictionary<string, SafetensorsEntry> _entries = [];
    private readonly Dictionary<string, Item> _items = [];

    public string Path { get; } = path;

    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _entries;

    public IReadOnlyDictionary<string, string> Metadata { get; } = owned?.Metadata ?? new Dictionary<string, string>();

    /// <summary>The same tensor under another name.</summary>
    public void Add(string name, ITensorSource source, string key) => Add(name, source, key, source.Entries[key].Shape, null);

    /// <summary>A tensor made from a stored one; <paramref name="change"/> gets it and returns one of the given shape.</summary>
    public void Add(string name, ITensorSource source, string key, IReadOnlyList<long> shape, Func<Tensor, Tensor>? change)
        => Add(name, source, key, shape, change, change is null ? () => source.PackedOrNull(key) : null);

    /// <summary>A tensor of which <paramref name="change"/> chooses rows: packed matrices stay packed.</summary>
    public void AddRows(string name, ITensorSource source, string key, IReadOnlyList<long> shape, Func<Tensor, Tensor> change)
        => Add(name, source, key, shape, change, () =>
        {
            using var packed = source.PackedOrNull(key);
            return packed?.ByRows(change);
        });

    /// <summary>Any tensor, made when asked for.</summary>
    public void Add(string name, SafetensorsDtype dtype, IReadOnlyList<long> shape, Func<Tensor> read, Func<PackedWeight?>? packed = null,
        (string Type, long Bytes)? stored = null)
    {
        var bytes = shape.Aggregate(1L, (a, b) => a * b) * Bytes(dtype);
        if (!_entries.TryAdd(name, new SafetensorsEntry(name, dtype, shape, 0, bytes)))
            throw new InvalidDataException($"{Path}: two tensors become '{name}'.");
        _items.Add(name, new Item(read, packed, stored ?? (dtype.ToString(), bytes)));
    }

    public Tensor Map(string name) => Find(name).Read();

    public Tensor Read(string name)
    {
        using var mapped = Map(name);
        return mapped.clone();
    }

    public PackedWeight? Packed(string name) => Find(name).Packed?.Invoke();

    public (string Type, long Bytes) Stored(string name) => Find(name).Stored;

    public void Dispose() => owned?.Dispose();

    internal static int Bytes(SafetensorsDtype dtype) => dtype switch
    {
        SafetensorsDtype.F64 or SafetensorsDtype.I64 => 8,
        SafetensorsDtype.F32 or SafetensorsDtype.I32 or SafetensorsDtype.U32 => 4,
        SafetensorsDtype.F16 or SafetensorsDtype.BF16 or SafetensorsDtype.I16 or SafetensorsDtype.U16 => 2,
        _ => 1,
    };

    private void Add(string name, ITensorSource source, string key, IReadOnlyList<long> shape, Func<Tensor, Tensor>? change,
        Func<PackedWeight?>? packed)
    {
        var entry = source.Entries[key];
        var (type, bytes) = source.StoredAs(key);
        var count = shape.Aggregate(1L, (a, b) => a * b);
        Add(name, entry.Dtype, shape, () =>
        {
            var stored = source.Map(key);
            if (change is null) return stored;
            using (stored)
            {
                using var scope = NewDisposeScope();
                return change(stored).MoveToOuterDisposeScope();
            }
        }, packed, (type, entry.Count == 0 ? bytes : (long)(bytes * ((double)count / entry.Count))));
    }

    private Item Find(string name) => _items.TryGetValue(name, out var item) ? item
        : throw new KeyNotFoundException($"{Path} holds no tensor '{name}'.{NearestName.Suggest(name, _entries.Keys)}");

    private sealed record Item(Func<Tensor> Read, Func<PackedWeight?>? Packed, (string Type, long Bytes) Stored);
}
