using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Labels as a class-conditional part takes them.</summary>
internal static class ClassLabels
{
    /// <summary>Labels int64 [count]; one label serves all samples.</summary>
    /// <exception cref="ArgumentException">They are not integers, or one is out of range.</exception>
    public static Tensor Check(Tensor labels, long count, long classes, string owner)
    {
        if (labels.is_floating_point() || labels.dtype == ScalarType.Bool || labels.is_complex())
            throw new ArgumentException(
                $"{owner}: labels are of type {labels.dtype}; class labels are int64 numbers from 0 to {classes - 1}. Convert them with "
                    + $"labels.to(torch.int64) if they are whole numbers.", nameof(labels));
        if (labels.dim() == 0 || (labels.dim() == 1 && labels.size(0) == 1)) labels = labels.reshape(1).expand(count);
        Cresset.Tensors.Shape.Expect(labels, "N", ("N", count));
        if (count == 0) return labels.to(ScalarType.Int64);
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        long low = labels.min().ToInt64(), high = labels.max().ToInt64();
        if (low < 0 || high >= classes)
            throw new ArgumentOutOfRangeException(nameof(labels), low < 0 ? low : high,
                $"{owner}: class labels run from 0 to {classes - 1}.");
        return labels.to(ScalarType.Int64).MoveToOuterDisposeScope();
    }
}
