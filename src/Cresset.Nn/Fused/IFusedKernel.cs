using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>An activation on float32 lanes. Implementations are small structs that hold the activation's numbers, so the loops specialise to them.</summary>
internal interface IFusedKernel
{
    /// <summary>f(x).</summary>
    Vector512<float> Value(Vector512<float> x);

    /// <summary>f(x) and f'(x), sharing what both need.</summary>
    Vector512<float> ValueAndSlope(Vector512<float> x, out Vector512<float> slope);

    /// <summary>f'(x) alone, as <see cref="ValueAndSlope"/> gives it.</summary>
    Vector512<float> Slope(Vector512<float> x);

    /// <summary>The same function from libtorch's operations: other types and devices, and second derivatives.</summary>
    Tensor Composed(Tensor x);
}
