using System.Numerics;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>An activation on float32 lanes. Implementations are small structs that hold the activation's numbers, so the loops specialise to them.</summary>
internal interface IFusedKernel
{
    /// <summary>f(x).</summary>
    Vector<float> Value(Vector<float> x);

    /// <summary>f(x) and f'(x), sharing what both need.</summary>
    Vector<float> ValueAndSlope(Vector<float> x, out Vector<float> slope);

    /// <summary>The same function from libtorch's operations: other types and devices, and second derivatives.</summary>
    Tensor Composed(Tensor x);
}
