using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// Element types of tensor files, those of the safetensors format in the order in which its reference writer lays tensors out.
/// What TorchSharp has no element type for is read as the narrowest one that holds every value.
/// </summary>
public enum SafetensorsDtype
{
    /// <summary>A type of another name, see <see cref="SafetensorsEntry.TypeName"/>: listed, not read.</summary>
    Unknown,

    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>4-bit float of OCP MX (E2M1), two in a byte, the first in the low half; read as bfloat16.</summary>
    F4,

    /// <summary>6-bit float of OCP MX (E2M3), packed from the low bits up, four in three bytes; read as bfloat16.</summary>
    F6E2M3,

    /// <summary>6-bit float of OCP MX (E3M2), packed like <see cref="F6E2M3"/>; read as bfloat16.</summary>
    F6E3M2,

    /// <summary>Unsigned byte.</summary>
    U8,

    /// <summary>Signed byte.</summary>
    I8,

    /// <summary>8-bit float, 5 exponent and 2 mantissa bits; read as bfloat16.</summary>
    F8E5M2,

    /// <summary>8-bit float, 4 exponent and 3 mantissa bits, no infinities; read as bfloat16.</summary>
    F8E4M3,

    /// <summary>8-bit power of two from 2^-127 to 2^127, the scales of OCP MX; read as bfloat16.</summary>
    F8E8M0,

    /// <summary>As <see cref="F8E4M3"/> with exponent bias 8, no negative zero and one NaN (128); read as bfloat16.</summary>
    F8E4M3Fnuz,

    /// <summary>
    /// As <see cref="F8E5M2"/> with exponent bias 16, no infinities, no negative zero and one NaN (128); read as bfloat16.
    /// </summary>
    F8E5M2Fnuz,

    /// <summary>16-bit signed.</summary>
    I16,

    /// <summary>16-bit unsigned; read as 32-bit signed.</summary>
    U16,

    /// <summary>IEEE half.</summary>
    F16,

    /// <summary>bfloat16.</summary>
    BF16,

    /// <summary>Two halves, real and imaginary; in PyTorch files alone; read as <see cref="C64"/>.</summary>
    C32,

    /// <summary>32-bit signed.</summary>
    I32,

    /// <summary>32-bit unsigned; read as 64-bit signed.</summary>
    U32,

    /// <summary>IEEE single.</summary>
    F32,

    /// <summary>Two singles, real and imaginary.</summary>
    C64,

    /// <summary>IEEE double.</summary>
    F64,

    /// <summary>64-bit signed.</summary>
    I64,

    /// <summary>64-bit unsigned; read as 64-bit signed, refused where a value is above 2^63 - 1.</summary>
    U64,

    /// <summary>Two doubles, real and imaginary; in PyTorch files alone.</summary>
    C128,
}

/// <summary>Names, sizes and tensor types of <see cref="SafetensorsDtype"/>.</summary>
internal static class SafetensorsDtypes
{
    // Bits of an element; whether the safetensors format has the type; whether the stored bytes are the tensor's bytes.
    private static readonly (SafetensorsDtype Dtype, string Name, int Bits, ScalarType Scalar, bool InFormat, bool IsNative)[] Table =
    [
        (SafetensorsDtype.Unknown, "?", 8, ScalarType.Byte, false, false),
        (SafetensorsDtype.Bool, "BOOL", 8, ScalarType.Bool, true, true),
        (SafetensorsDtype.F4, "F4", 4, ScalarType.BFloat16, true, false),
        (SafetensorsDtype.F6E2M3, "F6_E2M3", 6, ScalarType.BFloat16, true, false),
        (SafetensorsDtype.F6E3M2, "F6_E3M2", 6, ScalarType.BFloat16, true, false),
        (SafetensorsDtype.U8, "U8", 8, ScalarType.Byte, true, true),
        (SafetensorsDtype.I8, "I8", 8, ScalarType.Int8, true, true),
        (SafetensorsDtype.F8E5M2, "F8_E5M2", 8, ScalarType.BFloat16, true, false),
        (SafetensorsDtype.F8E4M3, "F8_E4M3", 8, ScalarType.BFloat16, true, false),
        (SafetensorsDtype.F8E8M0, "F8_E8M0", 8, ScalarType.BFloat16, true, false),
        (SafetensorsDtype.F8E4M3Fnuz, "F8_E4M3FNUZ", 8, ScalarType.BFloat16, true, false),
        (SafetensorsDtype.F8E5M2Fnuz, "F8_E5M2FNUZ", 8, ScalarType.BFloat16, true, false),
        (SafetensorsDtype.I16, "I16", 16, ScalarType.Int16, true, true),
        (SafetensorsDtype.U16, "U16", 16, ScalarType.Int32, true, false),
        (SafetensorsDtype.F16, "F16", 16, ScalarType.Float16, true, true),
        (SafetensorsDtype.BF16, "BF16", 16, ScalarType.BFloat16, true, true),
        (SafetensorsDtype.C32, "C32", 32, ScalarType.ComplexFloat32, false, false),
        (SafetensorsDtype.I32, "I32", 32, ScalarType.Int32, true, true),
        (SafetensorsDtype.U32, "U32", 32, ScalarType.Int64, true, false),
        (SafetensorsDtype.F32, "F32", 32, ScalarType.Float32, true, true),
        (SafetensorsDtype.C64, "C64", 64, ScalarType.ComplexFloat32, true, true),
        (SafetensorsDtype.F64, "F64", 64, ScalarType.Float64, true, true),
        (SafetensorsDtype.I64, "I64", 64, ScalarType.Int64, true, true),
        (SafetensorsDtype.U64, "U64", 64, ScalarType.Int64, true, false),
        (SafetensorsDtype.C128, "C128", 128, ScalarType.ComplexFloat64, false, true),
    ];

    /// <summary>The type that the safetensors format calls so, or <see cref="SafetensorsDtype.Unknown"/>.</summary>
    public static SafetensorsDtype Parse(string name)
    {
        foreach (var row in Table)
        {
            if (row.InFormat && row.Name == name) return row.Dtype;
        }
        return SafetensorsDtype.Unknown;
    }

    public static string Name(this SafetensorsDtype dtype) => Table[(int)dtype].Name;

    public static int Bits(this SafetensorsDtype dtype) => Table[(int)dtype].Bits;

    /// <summary>Bytes of <paramref name="count"/> elements, which fill whole bytes.</summary>
    public static long Bytes(this SafetensorsDtype dtype, long count) => (long)((Int128)count * dtype.Bits() / 8);

    /// <summary>The tensor type that values of this type are materialised as.</summary>
    public static ScalarType Scalar(this SafetensorsDtype dtype) => Table[(int)dtype].Scalar;

    /// <summary>True when the stored bytes are the tensor's bytes.</summary>
    public static bool IsNative(this SafetensorsDtype dtype) => Table[(int)dtype].IsNative;

    /// <summary>True when a safetensors file can hold the type.</summary>
    public static bool IsInFormat(this SafetensorsDtype dtype) => Table[(int)dtype].InFormat;

    /// <summary>True for every type of floating-point numbers, the narrow ones included.</summary>
    public static bool IsFloating(this SafetensorsDtype dtype)
        => dtype != SafetensorsDtype.Unknown
            && dtype.Scalar() is ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64;

    public static SafetensorsDtype Of(ScalarType scalar)
    {
        foreach (var row in Table)
        {
            if (row.InFormat && row.IsNative && row.Scalar == scalar) return row.Dtype;
        }
        throw new NotSupportedException(
            $"safetensors has no element type for {scalar}; convert the tensor first, for example with .to(ScalarType.Float32).");
    }
}
