using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// One low-rank change of a linear map or a convolution: W + scale * alpha / rank * B A (Hu et al. 2022), with a
/// <see cref="Magnitude"/> DoRA's.
/// </summary>
/// <param name="Target">Key of the layer in its network, without ".weight", in the folder layout.</param>
/// <param name="Down">A, [rank, in]; for a convolution [rank, in * k * k].</param>
/// <param name="Up">B, [out, rank].</param>
/// <param name="Alpha">alpha; the rank where the file has none.</param>
/// <param name="Part">The network that the layer belongs to.</param>
public sealed record LoraPair(string Target, Tensor Down, Tensor Up, double Alpha, LoraPart Part = LoraPart.Transformer) : IWeightChange
{
    /// <summary>The rank.</summary>
    public long Rank => Down.size(0);

    /// <summary>DoRA's lengths (Liu et al. 2024), [out, 1] of the rows or [1, in] of the columns; null for plain LoRA.</summary>
    public Tensor? Magnitude { get; init; }

    /// <summary>Shape of A as the file of a convolution has it, [rank, in, k, k]; null for a linear map.</summary>
    public IReadOnlyList<long>? DownShape { get; init; }

    string IWeightChange.Kind => Magnitude is null ? "LoRA" : "DoRA";

    long IWeightChange.Outputs => Up.size(0);

    long IWeightChange.Inputs => Down.size(1);

    long IWeightChange.Parameters => Down.numel() + Up.numel() + (Magnitude?.numel() ?? 0);

    Tensor IWeightChange.Delta()
    {
        using var scope = NewDisposeScope();
        return Up.to(ScalarType.Float32).MatMul(Down.to(ScalarType.Float32)).mul_(Alpha / Rank).MoveToOuterDisposeScope();
    }

    void IDisposable.Dispose()
    {
        Down.Dispose();
        Up.Dispose();
        Magnitude?.Dispose();
    }
}
