using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// States of 16 bits are carried in float32: a step adds to a state what is far smaller than it, and 8 bits of mantissa would round that
/// away, step after step.
/// </summary>
internal static class HalfStates
{
    public static bool Are(Tensor state) => state.dtype is ScalarType.Float16 or ScalarType.BFloat16;

    /// <summary>The field of a float32 state: it is still asked in the type that it was written for.</summary>
    public static VelocityField Widened(VelocityField field, ScalarType type) => (time, state) =>
    {
        using var scope = NewDisposeScope();
        var slope = field(time, state.to(type));
        return slope is null || !slope.is_floating_point() ? slope! : slope.to(ScalarType.Float32).alias().MoveToOuterDisposeScope();
    };
}
