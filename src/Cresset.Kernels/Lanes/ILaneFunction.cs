using System.Runtime.Intrinsics;

namespace Cresset.Kernels;

/// <summary>
/// An activation on float32 lanes. Implementations are small structs that hold the activation's numbers, so the loops specialise to them.
/// Their errors are those of <see cref="Lanes"/>: a few units in the last place, also where results underflow. Measured in
/// bench/results/activations.md.
/// </summary>
internal interface ILaneFunction
{
    /// <summary>f(x).</summary>
    Vector512<float> Value(Vector512<float> x);

    /// <summary>f(x) and f'(x), sharing what both need.</summary>
    Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope);

    /// <summary>f'(x) alone, as <see cref="ValueAndSlope"/> gives it.</summary>
    Vector512<float> Slope(Vector512<float> x);
}
