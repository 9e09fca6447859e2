using System.Buffers.Binary;
using System.Text;

namespace Cresset.Tensors;

/// <summary>
/// What the functions and storages of PyTorch's pickles stand for. Everything that is not listed here becomes a <see cref="PickleObject"/>,
/// and its name is kept in <see cref="Met"/>.
/// </summary>
internal sealed class TorchWorld : IPickleWorld
{
    private const int MaxDimensions = 64;

    // Sizes, strides and copied items in all: what a few bytes of pickle can ask for again and again.
    private const long MaxMade = 20_000_000;
    private readonly Dictionary<string, TorchStorage> _storages = [];
    private long _made;

    /// <summary>Classes and functions that were not known, with the number of times.</summary>
    public SortedDictionary<string, int> Met { get; } = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, TorchStorage> Storages => _storages;

    public object? Persistent(object? id, PickleInput input)
    {
        if (id is not PickleSequence { Items: [string kind, ..] } parts)
            throw input.Fault("it refers to something outside that is not a storage");
        // Files before PyTorch 1.6 wrap a class in its source text, which nobody needs here.
        if (kind == "module" && parts.Items.Count >= 2) return parts.Items[1];
        if (kind != "storage" || parts.Items.Count is < 5 or > 6)
            throw input.Fault($"it refers to '{PickleText.Short(kind)}' outside, not to a storage");
        if (TorchTypes.Storage(parts.Items[1]) is not { } type)
            throw input.Fault($"the storage type {PickleText.Kind(parts.Items[1])} is not known");
        if (parts.Items[2] is not string key || parts.Items[4] is not long count || count < 0 || count > 1L << 58)
            throw input.Fault("a storage has no key or no size");
        if (_storages.TryGetValue(key, out var known))
        {
            if (known.Dtype != type.Dtype || known.Count != count)
                throw input.Fault($"the storage '{PickleText.Short(key)}' is described twice in different ways");
        }
        else
        {
            known = new TorchStorage(key, type.Dtype, type.Name, count);
            _storages.Add(key, known);
        }
        if (parts.Items.Count < 6 || parts.Items[5] is null) return known;
        if (parts.Items[5] is PickleSequence { Items: [_, long start, long length] } && start >= 0 && length >= 0
            && start <= count - length) return known with { Start = start, Count = length };
        throw input.Fault($"the view of the storage '{PickleText.Short(key)}' lies outside it");
    }

    public object? Call(PickleGlobal function, PickleSequence arguments, PickleInput input)
    {
        var a = arguments.Items;
        switch (function.FullName)
        {
            case "torch._utils._rebuild_tensor" when a.Count >= 4: return Tensor(a, null, input);
            case "torch._utils._rebuild_tensor_v2" when a.Count >= 4:
                return Lazy(a.ElementAtOrDefault(6)) is { } lazy ? NoData(lazy, a[2], "") : Tensor(a, null, input);
            case "torch._utils._rebuild_tensor_v3" when a.Count >= 7:
                return Lazy(a.ElementAtOrDefault(7)) is { } late ? NoData(late, a[2], "") : Tensor(a, a[6], input);
            case "torch._utils._rebuild_parameter" when a.Count >= 1 && a[0] is TorchTensor: return a[0];
            case "torch._utils._rebuild_parameter_with_state" when a.Count >= 1 && a[0] is TorchTensor: return a[0];
            case "torch.nn.parameter.Parameter" or "torch.nn.parameter.Buffer" when a.Count >= 1 && a[0] is TorchTensor: return a[0];
            case "torch._tensor._rebuild_from_type_v2"
                when a.Count >= 3 && a[0] is PickleGlobal inner && a[2] is PickleSequence own && inner.FullName != function.FullName:
                return Call(inner, own, input);
            case "torch._utils._rebuild_qtensor":
                return NoData("quantized", a.Count > 2 ? a[2] : null, a.Count > 0 && a[0] is TorchStorage q ? q.TypeName : "");
            case "torch._utils._rebuild_sparse_tensor" or "torch._utils._rebuild_sparse_csr_tensor":
                return NoData("sparse", a.Count > 1 && a[1] is PickleSequence { Items: [_, _, var size, ..] } ? size : null, "");
            case "torch._utils._rebuild_nested_tensor": return NoData("nested", null, "");
            case "torch._utils._rebuild_meta_tensor_no_storage" when a.Count >= 2: return NoData("meta", a[1], "");
            case "torch._utils._rebuild_wrapper_subclass" when a.Count >= 3: return NoData($"subclass {PickleText.Kind(a[0])}", a[2], "");
            case "torch._utils._rebuild_device_tensor_from_numpy" or "torch._utils._rebuild_xla_tensor":
                return NoData("of a device without storage", null, "");
            case "torch.jit._pickle.restore_type_tag" when a.Count >= 1: return a[0];
            case "torch.jit._pickle.build_intlist" or "torch.jit._pickle.build_tensorlist" or "torch.jit._pickle.build_doublelist"
                or "torch.jit._pickle.build_boollist" when a.Count == 1:
                return a[0];
            case "torch.Size" when a is [PickleSequence sizes]: return sizes;
            case "torch.device": return $"device {string.Join(':', a.Select(PickleText.Plain))}";
            case "torch.serialization._get_layout" when a is [string layout]: return layout;
            case "collections.OrderedDict" or "collections.Counter" or "builtins.dict" or "__builtin__.dict":
                return Dict(a.Count > 0 ? a[0] : null, input);
            case "collections.defaultdict": return Dict(a.Count > 1 ? a[1] : null, input);
            case "builtins.set" or "__builtin__.set" or "builtins.frozenset" or "__builtin__.frozenset":
                return Sequence(PickleSequenceKind.Set, a);
            case "builtins.list" or "__builtin__.list": return Sequence(PickleSequenceKind.List, a);
            case "builtins.tuple" or "__builtin__.tuple": return Sequence(PickleSequenceKind.Tuple, a);
            case "builtins.bytearray" or "__builtin__.bytearray": return a is [byte[] bytes] ? bytes : Array.Empty<byte>();
            case "_codecs.encode" when a is [string text, ..]: return Encoding.Latin1.GetBytes(text);
            case "numpy.dtype" when a is [string, ..]: return new PickleObject("numpy.dtype", arguments);
            case "numpy.core.multiarray.scalar" or "numpy._core.multiarray.scalar"
                when a is [PickleObject { Type: "numpy.dtype", Arguments.Items: [string code, ..] } dtype, byte[] value]
                    && Number(code, dtype, value) is { } number:
                return number;
            default:
                var name = PickleText.Short(function.FullName);
                Met[name] = Met.GetValueOrDefault(name) + 1;
                return new PickleObject(name, arguments);
        }
    }

    private TorchTensor Tensor(IReadOnlyList<object?> a, object? dtype, PickleInput input)
    {
        if (a[0] is not TorchStorage storage || a[1] is not long start || a[2] is not PickleSequence sizes
            || a[3] is not PickleSequence steps) throw input.Fault("a tensor is not described by storage, offset, sizes and strides");
        if (sizes.Items.Count > MaxDimensions || sizes.Items.Count != steps.Items.Count)
            throw input.Fault(
                $"a tensor has {sizes.Items.Count} sizes and {steps.Items.Count} strides; as many of each and at most {MaxDimensions} are "
                    + $"read");
        Charge(8 + (2 * sizes.Items.Count), input);
        var shape = new long[sizes.Items.Count];
        var strides = new long[shape.Length];
        for (var i = 0; i < shape.Length; i++)
        {
            if (sizes.Items[i] is not long size || steps.Items[i] is not long stride || size < 0 || stride < 0)
                throw input.Fault("a size or a stride is not a whole number from 0 up");
            (shape[i], strides[i]) = (size, stride);
        }
        var type = dtype is null ? storage.Dtype
            : TorchTypes.Of(dtype) ?? throw input.Fault($"the element type is {PickleText.Kind(dtype)}");
        var name = dtype is PickleGlobal named ? PickleText.Short(named.Name) : storage.TypeName;
        CheckRange(storage, type, start, shape, strides, input);
        var tensor = new TorchTensor(storage, type, name, start, shape, strides);
        return type == SafetensorsDtype.F4 ? Pairs(tensor) : tensor;
    }

    // All arithmetic in 128 bits: sizes and strides come from the file.
    private static void CheckRange(TorchStorage storage, SafetensorsDtype type, long start, long[] shape, long[] strides, PickleInput input)
    {
        // Sizes of 0 are left out at first: libtorch multiplies the others all the same.
        Int128 count = 1, last = 0;
        foreach (var size in shape)
        {
            count *= Math.Max(size, 1);
            if (count > 1L << 58) throw input.Fault("a tensor has more than 2^58 elements");
        }
        if (shape.Contains(0)) count = 0;
        for (var i = 0; i < shape.Length; i++) last += (Int128)Math.Max(shape[i] - 1, 0) * strides[i];
        // A byte holds two numbers of F4, a pair being one element; an unknown type has at least one byte an element.
        var width = type == SafetensorsDtype.F4 ? 1 : Math.Max(1, type.Bits() / 8);
        if (count > 0 && (start < 0 || (start + last + 1) * width > storage.Bytes))
            throw input.Fault($"a tensor of shape [{string.Join(", ", shape)}] lies outside its storage of {storage.Bytes} bytes");
        // Broadcast dimensions (stride 0) cost nothing in the file: what they would unfold to has a bound.
        if (count * width > Math.Max(1L << 28, 4L * storage.Bytes))
            throw input.Fault($"a tensor of shape [{string.Join(", ", shape)}] unfolds {storage.Bytes} bytes to {count * width}");
    }

    private static TorchTensor Pairs(TorchTensor tensor)
    {
        if (!tensor.IsDense || tensor.Shape.Length == 0) return tensor with { Storage = null, Dtype = SafetensorsDtype.Unknown };
        var shape = tensor.Shape.ToArray();
        shape[^1] *= 2;
        var strides = tensor.Strides.Select(s => 2 * s).ToArray();
        strides[^1] = 1;
        return tensor with { Shape = shape, Strides = strides, Start = 2 * tensor.Start };
    }

    // Since version 2 a view of conjugate or negated numbers is saved as such: what lies in the file has the other sign.
    private static string? Lazy(object? metadata) => metadata is not PickleDict bits ? null
        : bits["conj"] is true ? "conjugated" : bits["neg"] is true ? "negated" : null;

    private static TorchTensor NoData(string kind, object? sizes, string type)
    {
        var shape = sizes is PickleSequence { Items.Count: <= MaxDimensions } sequence
            && sequence.Items.All(s => s is long and >= 0 and < int.MaxValue) ? sequence.Items.Select(s => (long)s!).ToArray() : [];
        return new TorchTensor(null, SafetensorsDtype.Unknown, type.Length > 0 ? $"{kind} ({type})" : kind, 0, shape,
            new long[shape.Length]);
    }

    private PickleDict Dict(object? start, PickleInput input)
    {
        // The same dictionary, not a copy: copies of copies would grow without bound in a few bytes of pickle.
        if (start is PickleDict other) return other;
        var dict = new PickleDict();
        if (start is PickleSequence pairs)
        {
            Charge(pairs.Items.Count, input);
            foreach (var pair in pairs.Items)
            {
                if (pair is PickleSequence { Items: [var key, var value] }) dict.Set(key, value);
            }
        }
        return dict;
    }

    private static PickleSequence Sequence(PickleSequenceKind kind, IReadOnlyList<object?> arguments)
        => arguments is [PickleSequence items] ? items : new PickleSequence(kind);

    private void Charge(int values, PickleInput input)
    {
        _made += values;
        if (_made > MaxMade) throw input.Fault("it describes more tensors or copies than a checkpoint can hold");
    }

    // NumPy's scalars by their type code; the byte order is in the state, '>' being big-endian.
    private static object? Number(string code, PickleObject dtype, byte[] value)
    {
        if (dtype.State is PickleSequence { Items: [_, ">", ..] }) return null;
        return (code.TrimStart('<', '='), value.Length) switch
        {
            ("f8", 8) => BinaryPrimitives.ReadDoubleLittleEndian(value),
            ("f4", 4) => (double)BinaryPrimitives.ReadSingleLittleEndian(value),
            ("f2", 2) => (double)BinaryPrimitives.ReadHalfLittleEndian(value),
            ("i8", 8) => BinaryPrimitives.ReadInt64LittleEndian(value),
            ("i4", 4) => (long)BinaryPrimitives.ReadInt32LittleEndian(value),
            ("i2", 2) => (long)BinaryPrimitives.ReadInt16LittleEndian(value),
            ("i1", 1) => (long)(sbyte)value[0],
            ("u1", 1) => (long)value[0],
            ("u4", 4) => (long)BinaryPrimitives.ReadUInt32LittleEndian(value),
            ("b1", 1) => value[0] != 0,
            _ => null,
        };
    }
}
