using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>x * sigmoid(beta x) with a trained beta. Ramachandran et al. 2017. [...] to the same shape. Keys: <c>beta</c>.</summary>
public sealed class TrainableSwish : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "beta")]
    private readonly Parameter _beta;

    private readonly long _dim;

    /// <summary>Builds the layer.</summary>
    /// <param name="channels">1 shares the parameters; otherwise the size of <paramref name="dim"/>.</param>
    /// <param name="beta">Initial beta.</param>
    /// <param name="dim">The channel dimension.</param>
    public TrainableSwish(long channels = 1, double beta = 1, long dim = 1)
        : base(nameof(TrainableSwish))
    {
        _beta = ChannelParameter.Make(channels, beta, nameof(TrainableSwish));
        _dim = dim;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var beta = ChannelParameter.Along(_beta, input, _dim, nameof(TrainableSwish));
        return (input * (input * beta).sigmoid()).MoveToOuterDisposeScope();
    }
}
