using System.Runtime.Intrinsics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// A separable resampling with its gradient. The map is linear: its gradient is the adjoint map, whose gradient is the map again, so
/// nothing is kept and derivatives of any order come from the same kernels.
/// </summary>
internal sealed class Resample(Resampling map) : DifferentiableOperation
{
    /// <summary>Whether the kernels take this tensor; others are libtorch's.</summary>
    public static bool Fits(Tensor x) => Vector256.IsHardwareAccelerated && TensorView.IsDense<float>(x) && x.numel() > 0;

    /// <summary>Applies the map, recording it where a gradient is wanted.</summary>
    public static Tensor Of(Tensor x, Resampling map) => new Resample(map).Apply(x);

    protected override Tensor[] Forward(Tensor[] inputs) => [map.Run(inputs[0])];

    protected override Tensor[] Saved(Tensor[] inputs) => [];

    protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients) => [gradients[0] is { } g ? Of(g, map.Transposed) : null];
}
