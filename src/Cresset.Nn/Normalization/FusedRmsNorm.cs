using System.Runtime.Intrinsics;
using Cresset.Kernels;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// <see cref="RmsNorm.Apply"/> in float32 on the processor in one pass over memory, and one back: libtorch's operations take six and a
/// dozen.
/// </summary>
internal sealed unsafe class FusedRmsNorm(double eps) : DifferentiableOperation
{
    // Sums over rows are taken apart at fixed places, so that bits do not depend on threads.
    private const long PieceElements = 1 << 16;

    private readonly float _eps = (float)eps;

    /// <summary>Whether x [..., dim] and weight [dim] are the kernel's.</summary>
    public static bool Fits(Tensor x, Tensor weight) =>
        Vector512.IsHardwareAccelerated && TensorView.Holds<float>(x) && TensorView.IsDense<float>(weight) && x.numel() > 0;

    protected override Tensor[] Forward(Tensor[] inputs)
    {
        using var scope = NewDisposeScope();
        var (x, width) = (TensorView.ToDense(inputs[0]), inputs[1].size(0));
        var y = TensorView.NewLike<float>(x);
        using TensorView<float> from = TensorView.Dense<float>(x), weight = TensorView.Dense<float>(inputs[1]),
            to = TensorView.Dense<float>(y, from.Count);
        TensorWork.Chunks(from.Count / width, (start, count) => RootMeanSquare.Norm(from.Start + (start * width), weight.Start,
            to.Start + (start * width), count, width, _eps), width);
        return [y.MoveToOuterDisposeScope()];
    }

    protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients)
    {
        if (gradients[0] is not { } gradient) return [null, null];
        if (is_grad_enabled() || !TensorView.Holds<float>(gradient))
            return ComposedGradient.Of(() => RmsNorm.Composed(saved[0], saved[1], _eps), saved, gradient);
        using var scope = NewDisposeScope();
        Tensor x = TensorView.ToDense(saved[0]), g = TensorView.ToDense(gradient), gx = TensorView.NewLike<float>(x);
        long width = saved[1].size(0), rows = x.numel() / width, piece = Math.Max(1, PieceElements / width),
            pieces = (rows + piece - 1) / piece;
        var sums = zeros([pieces, width]);
        using TensorView<float> at = TensorView.Dense<float>(x), up = TensorView.Dense<float>(g, at.Count),
            weight = TensorView.Dense<float>(saved[1]), to = TensorView.Dense<float>(gx, at.Count), all = TensorView.Dense<float>(sums);
        TensorWork.Each(pieces, p =>
        {
            var start = p * piece * width;
            RootMeanSquare.Gradient(at.Start + start, weight.Start, up.Start + start, to.Start + start, all.Start + (p * width),
                Math.Min(piece, rows - (p * piece)), width, _eps);
        });
        var gWeight = pieces == 1 ? sums.view(width) : sums.sum([0L]);
        return [gx.MoveToOuterDisposeScope(), gWeight.MoveToOuterDisposeScope()];
    }
}
