using Cresset.Nn;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// A low-rank change that is added to a layer's output instead of its weight, for weights that stay packed. The tensors stay the adapter's.
/// </summary>
internal sealed class LowRankTerm(Tensor down, Tensor up, double scale) : ILayerAdapter
{
    /// <inheritdoc/>
    public Tensor Of(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = input.to(ScalarType.Float32);
        return nn.functional.linear(nn.functional.linear(x, down.to(ScalarType.Float32)), up.to(ScalarType.Float32)).mul_(scale)
            .to(input.dtype).MoveToOuterDisposeScope();
    }
}
