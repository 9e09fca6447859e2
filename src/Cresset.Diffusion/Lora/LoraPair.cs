using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>One low-rank change of a linear map: W + scale * alpha / rank * B A (Hu et al. 2022).</summary>
/// <param name="Target">Key of the layer in its network, without ".weight", in the folder layout.</param>
/// <param name="Down">A, [rank, in].</param>
/// <param name="Up">B, [out, rank].</param>
/// <param name="Alpha">alpha; the rank where the file has none.</param>
/// <param name="Part">The network that the layer belongs to.</param>
public sealed record LoraPair(string Target, Tensor Down, Tensor Up, double Alpha, LoraPart Part = LoraPart.Transformer)
{
    /// <summary>The rank.</summary>
    public long Rank => Down.size(0);
}
