using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// max over k of weight_k x + bias_k on each value: a trained convex piecewise linear activation. Goodfellow et al. 2013. [...] to the same
/// shape. Keys: <c>weight</c>, <c>bias</c>.
/// </summary>
public sealed class PiecewiseMaxout : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight;

    [ComponentName(Name = "bias")]
    private readonly Parameter _bias;

    /// <summary>Builds the layer: slopes spread evenly from 1 down to 0, biases 0, so it starts as ReLU.</summary>
    public PiecewiseMaxout(int pieces = 2)
        : base(nameof(PiecewiseMaxout))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(pieces, 2);
        _weight = new Parameter(linspace(1, 0, pieces).DetachFromDisposeScope());
        _bias = new Parameter(zeros(pieces).DetachFromDisposeScope());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return ((input.unsqueeze(-1) * _weight) + _bias).max(-1).values.MoveToOuterDisposeScope();
    }
}
