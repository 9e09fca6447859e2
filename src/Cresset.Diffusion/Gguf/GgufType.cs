namespace Cresset.Diffusion;

/// <summary>Element types of GGUF files that are read.</summary>
internal enum GgufType
{
    F32 = 0,
    F16 = 1,
    Q4_0 = 2,
    Q8_0 = 8,
    Q4_K = 12,
    I8 = 24,
    I16 = 25,
    I32 = 26,
    I64 = 27,
    F64 = 28,
    BF16 = 30,
}

/// <summary>Block sizes of the types.</summary>
internal static class GgufTypes
{
    /// <summary>Elements and bytes of one block.</summary>
    public static (int Elements, int Bytes) Block(this GgufType type) => type switch
    {
        GgufType.F32 or GgufType.I32 => (1, 4),
        GgufType.F16 or GgufType.BF16 or GgufType.I16 => (1, 2),
        GgufType.I8 => (1, 1),
        GgufType.I64 or GgufType.F64 => (1, 8),
        GgufType.Q4_0 => (32, 18),
        GgufType.Q8_0 => (32, 34),
        GgufType.Q4_K => (256, 144),
        _ => (0, 0),
    };
}
