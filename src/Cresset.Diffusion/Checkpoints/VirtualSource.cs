using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Tensors of other sources under other names, cut or joined on the way; nothing is read before it is asked for.</summary>
internal sealed class VirtualSource(string path) : ITensorSource
{
    private readonly Dictionary<string, SafetensorsEntry> _entries = [];
    private readonly Dictionary<string, Func<Tensor>> _readers = [];

    public string Path { get; } = path;

    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => _entries;

    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    /// <summary>The same tensor under another name.</summary>
    public void Add(string name, ITensorSource source, string key) => Add(name, source, key, source.Entries[key].Shape, null);

    /// <summary>A tensor made from a stored one; <paramref name="change"/> gets it and returns one of the given shape.</summary>
    public void Add(string name, ITensorSource source, string key, IReadOnlyList<long> shape, Func<Tensor, Tensor>? change)
        => Add(name, source.Entries[key].Dtype, shape, () =>
        {
            var stored = source.Map(key);
            if (change is null) return stored;
            using (stored)
            {
                using var scope = NewDisposeScope();
                return change(stored).MoveToOuterDisposeScope();
            }
        });

    /// <summary>Any tensor, made when asked for.</summary>
    public void Add(string name, SafetensorsDtype dtype, IReadOnlyList<long> shape, Func<Tensor> read)
    {
        var bytes = shape.Aggregate(1L, (a, b) => a * b) * Bytes(dtype);
        if (!_entries.TryAdd(name, new SafetensorsEntry(name, dtype, shape, 0, bytes))) throw new InvalidDataException($"{Path}: two tensors become '{name}'.");
        _readers.Add(name, read);
    }

    public Tensor Map(string name) => _readers.TryGetValue(name, out var read) ? read()
        : throw new KeyNotFoundException($"{Path} holds no tensor '{name}'.{NearestName.Suggest(name, _entries.Keys)}");

    public Tensor Read(string name)
    {
        using var mapped = Map(name);
        return mapped.clone();
    }

    public void Dispose()
    {
    }

    internal static int Bytes(SafetensorsDtype dtype) => dtype switch
    {
        SafetensorsDtype.F64 or SafetensorsDtype.I64 => 8,
        SafetensorsDtype.F32 or SafetensorsDtype.I32 or SafetensorsDtype.U32 => 4,
        SafetensorsDtype.F16 or SafetensorsDtype.BF16 or SafetensorsDtype.I16 or SafetensorsDtype.U16 => 2,
        _ => 1,
    };
}
