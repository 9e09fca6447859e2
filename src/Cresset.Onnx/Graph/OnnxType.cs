namespace Cresset.Onnx;

/// <summary>Element types by ONNX's numbers.</summary>
public enum OnnxType
{
    /// <summary>32-bit floating point.</summary>
    Float = 1,

    /// <summary>Unsigned 8-bit whole numbers.</summary>
    UInt8 = 2,

    /// <summary>Signed 8-bit whole numbers.</summary>
    Int8 = 3,

    /// <summary>Signed 16-bit whole numbers.</summary>
    Int16 = 5,

    /// <summary>Signed 32-bit whole numbers.</summary>
    Int32 = 6,

    /// <summary>Signed 64-bit whole numbers.</summary>
    Int64 = 7,

    /// <summary>Truth values.</summary>
    Bool = 9,

    /// <summary>16-bit floating point.</summary>
    Float16 = 10,

    /// <summary>64-bit floating point.</summary>
    Double = 11,

    /// <summary>16-bit floating point with the range of 32 bits.</summary>
    BFloat16 = 16,
}
