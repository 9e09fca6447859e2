using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>The matrix product with its operands checked: TorchSharp 0.107's own ends the process where they do not fit.</summary>
public static class MatrixProducts
{
    /// <summary>
    /// left right with PyTorch's rules: [..., N, K] and [..., K, M] to [..., N, M], leading dimensions broadcast; a vector [K] stands for a
    /// row on the left and for a column on the right.
    /// </summary>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    /// <exception cref="ArgumentException">Different types or devices, or numbers without a product.</exception>
    public static Tensor MatMul(this Tensor left, Tensor right)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        if (left.IsInvalid || right.IsInvalid)
            throw new ArgumentException("A matrix product needs tensors that are not disposed of.",
                left.IsInvalid ? nameof(left) : nameof(right));
        if (left.dtype != right.dtype || left.device_type != right.device_type || left.device_index != right.device_index
            || left.dtype == ScalarType.Bool)
            throw new ArgumentException(
                $"A matrix product needs numbers of one type on one device; left is {left.dtype} on {left.device}, right {right.dtype} on "
                    + $"{right.device}.", nameof(right));
        if (left.is_sparse || right.is_sparse)
            throw new ArgumentException("A matrix product needs dense tensors: call to_dense() first.",
                left.is_sparse ? nameof(left) : nameof(right));
        if (left.dim() == 0 || right.dim() == 0 || left.size(-1) != right.size(right.dim() == 1 ? -1 : -2)) throw Refused(left, right);
        for (var i = 3; i <= Math.Min(left.dim(), right.dim()); i++)
        {
            long a = left.size(-i), b = right.size(-i);
            if (a != b && a != 1 && b != 1) throw Refused(left, right);
        }
#pragma warning disable RS0030 // this is the checked call
        return left.matmul(right);
#pragma warning restore RS0030
    }

    private static ShapeException Refused(Tensor left, Tensor right)
        => new($"The product of {Shape.Text(left)} and {Shape.Text(right)} does not exist: it takes [..., N, K] and [..., K, M] with "
            + $"leading dimensions that are equal or 1.");
}
