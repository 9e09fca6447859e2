using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>Element types of the safetensors format, in the order in which the reference writer lays tensors out.</summary>
public enum SafetensorsDtype
{
    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>Unsigned byte.</summary>
    U8,

    /// <summary>Signed byte.</summary>
    I8,

    /// <summary>8-bit float, 5 exponent and 2 mantissa bits; read as bfloat16, which holds every value.</summary>
    F8E5M2,

    /// <summary>8-bit float, 4 exponent and 3 mantissa bits, no infinities; read as bfloat16, which holds every value.</summary>
    F8E4M3,

    /// <summary>16-bit signed.</summary>
    I16,

    /// <summary>16-bit unsigned; read as 32-bit signed.</summary>
    U16,

    /// <summary>IEEE half.</summary>
    F16,

    /// <summary>bfloat16.</summary>
    BF16,

    /// <summary>32-bit signed.</summary>
    I32,

    /// <summary>32-bit unsigned; read as 64-bit signed.</summary>
    U32,

    /// <summary>IEEE single.</summary>
    F32,

    /// <summary>IEEE double.</summary>
    F64,

    /// <summary>64-bit signed.</summary>
    I64,
}

/// <summary>Names, sizes and tensor types of <see cref="SafetensorsDtype"/>.</summary>
internal static class SafetensorsDtypes
{
    private static readonly (SafetensorsDtype Dtype, string Name, int Size, ScalarType Scalar)[] Table =
    [
        (SafetensorsDtype.Bool, "BOOL", 1, ScalarType.Bool),
        (SafetensorsDtype.U8, "U8", 1, ScalarType.Byte),
        (SafetensorsDtype.I8, "I8", 1, ScalarType.Int8),
        (SafetensorsDtype.F8E5M2, "F8_E5M2", 1, ScalarType.BFloat16),
        (SafetensorsDtype.F8E4M3, "F8_E4M3", 1, ScalarType.BFloat16),
        (SafetensorsDtype.I16, "I16", 2, ScalarType.Int16),
        (SafetensorsDtype.U16, "U16", 2, ScalarType.Int32),
        (SafetensorsDtype.F16, "F16", 2, ScalarType.Float16),
        (SafetensorsDtype.BF16, "BF16", 2, ScalarType.BFloat16),
        (SafetensorsDtype.I32, "I32", 4, ScalarType.Int32),
        (SafetensorsDtype.U32, "U32", 4, ScalarType.Int64),
        (SafetensorsDtype.F32, "F32", 4, ScalarType.Float32),
        (SafetensorsDtype.F64, "F64", 8, ScalarType.Float64),
        (SafetensorsDtype.I64, "I64", 8, ScalarType.Int64),
    ];

    public static string Names { get; } = string.Join(", ", Table.Select(row => row.Name));

    public static SafetensorsDtype? Parse(string name)
    {
        foreach (var row in Table)
        {
            if (row.Name == name) return row.Dtype;
        }
        return null;
    }

    public static string Name(this SafetensorsDtype dtype) => Table[(int)dtype].Name;

    public static int Size(this SafetensorsDtype dtype) => Table[(int)dtype].Size;

    /// <summary>The tensor type that values of this type are materialised as.</summary>
    public static ScalarType Scalar(this SafetensorsDtype dtype) => Table[(int)dtype].Scalar;

    /// <summary>True when the stored bytes are the tensor's bytes.</summary>
    public static bool IsNative(this SafetensorsDtype dtype) => dtype is not (SafetensorsDtype.F8E5M2 or SafetensorsDtype.F8E4M3 or SafetensorsDtype.U16 or SafetensorsDtype.U32);

    public static SafetensorsDtype Of(ScalarType scalar) => scalar switch
    {
        ScalarType.Bool => SafetensorsDtype.Bool,
        ScalarType.Byte => SafetensorsDtype.U8,
        ScalarType.Int8 => SafetensorsDtype.I8,
        ScalarType.Int16 => SafetensorsDtype.I16,
        ScalarType.Float16 => SafetensorsDtype.F16,
        ScalarType.BFloat16 => SafetensorsDtype.BF16,
        ScalarType.Int32 => SafetensorsDtype.I32,
        ScalarType.Float32 => SafetensorsDtype.F32,
        ScalarType.Float64 => SafetensorsDtype.F64,
        ScalarType.Int64 => SafetensorsDtype.I64,
        _ => throw new NotSupportedException($"safetensors has no element type for {scalar}; convert the tensor first, for example with .to(ScalarType.Float32)."),
    };
}
