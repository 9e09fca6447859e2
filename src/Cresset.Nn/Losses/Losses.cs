using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Losses of more than a prediction and its target. As with every <see cref="LossRule"/>, half-precision numbers are compared in float32,
/// the result has the type of the first argument, and nothing is broadcast unless it is said.
/// </summary>
public static partial class Losses
{
    /// <summary>The smallest increase of squared lengths that keeps a cosine finite, as in PyTorch's cosine_embedding_loss.</summary>
    private const double CosineFloor = 1e-12;

    /// <summary>The length below which a vector counts as zero, as in PyTorch's normalize.</summary>
    private const double SmallestLength = 1e-12;

    /// <summary>Reduces losses as <paramref name="reduction"/> says.</summary>
    internal static Tensor Reduce(Tensor losses, LossReduction reduction) => reduction switch
    {
        LossReduction.Mean => losses.mean(),
        LossReduction.Sum => losses.sum(),
        LossReduction.None => losses,
        LossReduction.BatchMean when losses.dim() > 0 => losses.sum() / losses.size(0),
        LossReduction.BatchMean => losses,
        _ => throw new ArgumentOutOfRangeException(nameof(reduction), reduction, "Not a reduction."),
    };

    /// <summary>Refuses tensors of different shapes, which libtorch would broadcast: [N, 1] against [N] is a matrix and no error.</summary>
    internal static void SameShape(string loss, (string Name, Tensor Tensor) first,
        params ReadOnlySpan<(string Name, Tensor Tensor)> others)
    {
        foreach (var (name, tensor) in others)
        {
            if (tensor.dim() == first.Tensor.dim() && tensor.shape.AsSpan().SequenceEqual(first.Tensor.shape)) continue;
            var hint = tensor.numel() == first.Tensor.numel() ? $" Reshape {name} to that." : "";
            throw new ShapeException(
                $"{loss}: {name} has shape {Shape.Text(tensor)}; expected {Shape.Text(first.Tensor)}, as {first.Name}.{hint}");
        }
    }

    /// <summary>Whether numbers may be looked at without waiting for another device: checks of values are made there only.</summary>
    internal static bool IsReadable(Tensor tensor) => tensor.device_type == DeviceType.CPU;

    private static ScalarType ComputedIn(Tensor first, string loss)
    {
        ArgumentNullException.ThrowIfNull(first);
        if (!first.is_floating_point())
            throw new ArgumentException($"{loss}: a loss needs floating-point numbers; these are {first.dtype}.");
        return first.dtype is ScalarType.Float16 or ScalarType.BFloat16 ? ScalarType.Float32 : first.dtype;
    }
}
