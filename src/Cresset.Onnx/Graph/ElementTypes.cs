using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>Element types as libtorch prints them, as TorchSharp names them, as ONNX numbers them.</summary>
internal static class ElementTypes
{
    private static readonly (string Printed, ScalarType Torch, OnnxType Onnx)[] All =
    [
        ("Float", ScalarType.Float32, OnnxType.Float), ("Double", ScalarType.Float64, OnnxType.Double),
        ("Half", ScalarType.Float16, OnnxType.Float16),
        ("BFloat16", ScalarType.BFloat16, OnnxType.BFloat16), ("Long", ScalarType.Int64, OnnxType.Int64),
        ("Int", ScalarType.Int32, OnnxType.Int32),
        ("Short", ScalarType.Int16, OnnxType.Int16), ("Char", ScalarType.Int8, OnnxType.Int8), ("Byte", ScalarType.Byte, OnnxType.UInt8),
        ("Bool", ScalarType.Bool, OnnxType.Bool),
    ];

    public static OnnxType? Of(string printed) =>
        All.FirstOrDefault(t => t.Printed == printed) is { Printed: not null } found ? found.Onnx : null;

    public static OnnxType? Of(ScalarType type) =>
        All.FirstOrDefault(t => t.Torch == type) is { Printed: not null } found ? found.Onnx : null;

    public static ScalarType Torch(OnnxType type) => All.First(t => t.Onnx == type).Torch;

    public static bool IsFloat(OnnxType type) => type is OnnxType.Float or OnnxType.Double or OnnxType.Float16 or OnnxType.BFloat16;
}
