using System.Runtime.Intrinsics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Pixel shuffle or its inverse with its gradient: each is the other's.</summary>
internal sealed class Shuffled(int factor, bool join) : DifferentiableOperation
{
    // Below this libtorch's node costs less than a managed one.
    private const long Least = 1 << 14;

    /// <summary>Whether the kernels take this tensor; others are libtorch's.</summary>
    public static bool Fits(Tensor x) => Vector256.IsHardwareAccelerated && TensorView.IsDense<float>(x) && x.numel() >= Least;

    public static Tensor Of(Tensor x, int factor, bool join) => new Shuffled(factor, join).Apply(x);

    protected override Tensor[] Forward(Tensor[] inputs) =>
        [join ? ShuffleRows.Shuffle(inputs[0], factor) : ShuffleRows.Unshuffle(inputs[0], factor)];

    protected override Tensor[] Saved(Tensor[] inputs) => [];

    protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients) => [gradients[0] is { } g ? Of(g, factor, !join) : null];
}
