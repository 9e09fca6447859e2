namespace Cresset.Tensors;

/// <summary>The memory that one or more tensors of a checkpoint lie in.</summary>
/// <param name="Key">Its name in the file.</param>
/// <param name="Dtype">Element type; bytes where the tensors carry the type.</param>
/// <param name="TypeName">PyTorch's name of the type.</param>
/// <param name="Count">Elements.</param>
internal sealed record TorchStorage(string Key, SafetensorsDtype Dtype, string TypeName, long Count)
{
    /// <summary>Elements before this storage's first in the one that it is a view of; files before PyTorch 0.4 have such views.</summary>
    public long Start { get; init; }

    public long Bytes => Dtype.Bytes(Count);
}

/// <summary>A tensor of a checkpoint as it was described: nothing of its data is read yet.</summary>
/// <param name="Storage">Where it lies; null where it has no data (meta, sparse, quantized).</param>
/// <param name="Dtype">Element type.</param>
/// <param name="TypeName">PyTorch's name of the type, or what kind of tensor it is.</param>
/// <param name="Start">Elements of the storage before its first.</param>
/// <param name="Shape">Sizes.</param>
/// <param name="Strides">Elements from one place to the next in each dimension.</param>
internal sealed record TorchTensor(TorchStorage? Storage, SafetensorsDtype Dtype, string TypeName, long Start, long[] Shape, long[] Strides)
{
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>True when the elements lie one after the other in the order of the shape.</summary>
    public bool IsDense
    {
        get
        {
            long expected = 1;
            for (var i = Shape.Length - 1; i >= 0; i--)
            {
                if (Shape[i] != 1 && Strides[i] != expected) return Count == 0;
                expected *= Shape[i];
            }
            return true;
        }
    }

    /// <summary>Elements from the first to the last, both included.</summary>
    public long Extent => Count == 0 ? 0 : 1 + Shape.Zip(Strides, (size, stride) => (size - 1) * stride).Sum();

    /// <summary>Whether both are one and the same: tied weights.</summary>
    public bool Is(TorchTensor other)
        => Storage is not null && ReferenceEquals(Storage, other.Storage) && Start == other.Start && Dtype == other.Dtype
            && Shape.SequenceEqual(other.Shape) && Strides.SequenceEqual(other.Strides);
}

/// <summary>PyTorch's names of element types.</summary>
internal static class TorchTypes
{
    private static readonly Dictionary<string, SafetensorsDtype> Types = new()
    {
        ["float64"] = SafetensorsDtype.F64,
        ["double"] = SafetensorsDtype.F64,
        ["float32"] = SafetensorsDtype.F32,
        ["float"] = SafetensorsDtype.F32,
        ["float16"] = SafetensorsDtype.F16,
        ["half"] = SafetensorsDtype.F16,
        ["bfloat16"] = SafetensorsDtype.BF16,
        ["int64"] = SafetensorsDtype.I64,
        ["long"] = SafetensorsDtype.I64,
        ["int32"] = SafetensorsDtype.I32,
        ["int"] = SafetensorsDtype.I32,
        ["int16"] = SafetensorsDtype.I16,
        ["short"] = SafetensorsDtype.I16,
        ["int8"] = SafetensorsDtype.I8,
        ["uint8"] = SafetensorsDtype.U8,
        ["uint16"] = SafetensorsDtype.U16,
        ["uint32"] = SafetensorsDtype.U32,
        ["uint64"] = SafetensorsDtype.U64,
        ["bool"] = SafetensorsDtype.Bool,
        ["complex32"] = SafetensorsDtype.C32,
        ["chalf"] = SafetensorsDtype.C32,
        ["complex64"] = SafetensorsDtype.C64,
        ["cfloat"] = SafetensorsDtype.C64,
        ["complex128"] = SafetensorsDtype.C128,
        ["cdouble"] = SafetensorsDtype.C128,
        ["float8_e4m3fn"] = SafetensorsDtype.F8E4M3,
        ["float8_e5m2"] = SafetensorsDtype.F8E5M2,
        ["float8_e4m3fnuz"] = SafetensorsDtype.F8E4M3Fnuz,
        ["float8_e5m2fnuz"] = SafetensorsDtype.F8E5M2Fnuz,
        ["float8_e8m0fnu"] = SafetensorsDtype.F8E8M0,
        // An element is a pair of numbers; the last dimension counts pairs.
        ["float4_e2m1fn_x2"] = SafetensorsDtype.F4,
    };

    private static readonly Dictionary<string, (SafetensorsDtype Dtype, string Name)> Storages = new()
    {
        ["DoubleStorage"] = (SafetensorsDtype.F64, "float64"),
        ["FloatStorage"] = (SafetensorsDtype.F32, "float32"),
        ["HalfStorage"] = (SafetensorsDtype.F16, "float16"),
        ["BFloat16Storage"] = (SafetensorsDtype.BF16, "bfloat16"),
        ["LongStorage"] = (SafetensorsDtype.I64, "int64"),
        ["IntStorage"] = (SafetensorsDtype.I32, "int32"),
        ["ShortStorage"] = (SafetensorsDtype.I16, "int16"),
        ["CharStorage"] = (SafetensorsDtype.I8, "int8"),
        ["ByteStorage"] = (SafetensorsDtype.U8, "uint8"),
        ["BoolStorage"] = (SafetensorsDtype.Bool, "bool"),
        ["ComplexFloatStorage"] = (SafetensorsDtype.C64, "complex64"),
        ["ComplexDoubleStorage"] = (SafetensorsDtype.C128, "complex128"),
        // Quantized numbers by their bits; their scales come with the tensor.
        ["QInt8Storage"] = (SafetensorsDtype.I8, "qint8"),
        ["QUInt8Storage"] = (SafetensorsDtype.U8, "quint8"),
        ["QInt32Storage"] = (SafetensorsDtype.I32, "qint32"),
        ["QUInt4x2Storage"] = (SafetensorsDtype.U8, "quint4x2"),
        ["QUInt2x4Storage"] = (SafetensorsDtype.U8, "quint2x4"),
        ["UntypedStorage"] = (SafetensorsDtype.U8, "bytes"),
    };

    /// <summary>The element type that a dtype such as torch.float32 names; Unknown for one from after this reader's time.</summary>
    public static SafetensorsDtype? Of(object? dtype)
        => dtype is PickleGlobal { Module: "torch" } name ? Types.GetValueOrDefault(name.Name, SafetensorsDtype.Unknown) : null;

    public static (SafetensorsDtype Dtype, string Name)? Storage(object? type)
        => type is PickleGlobal { Module: "torch" or "torch.cuda" or "torch.storage" } name
            && Storages.TryGetValue(name.Name, out var found) ? found : null;
}
