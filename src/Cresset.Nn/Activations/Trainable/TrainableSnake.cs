using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// x + sin^2(alpha x) / alpha with a trained alpha. Ziyin et al. 2020; a 1e-9 guards the division as in BigVGAN. [...] to the same shape.
/// Keys: <c>alpha</c>.
/// </summary>
public sealed class TrainableSnake : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "alpha")]
    private readonly Parameter _alpha;

    private readonly long _dim;

    /// <summary>Builds the layer.</summary>
    /// <param name="channels">1 shares the parameters; otherwise the size of <paramref name="dim"/>.</param>
    /// <param name="alpha">Initial frequency.</param>
    /// <param name="dim">The channel dimension.</param>
    public TrainableSnake(long channels = 1, double alpha = 1, long dim = 1)
        : base(nameof(TrainableSnake))
    {
        _alpha = ChannelParameter.Make(channels, alpha, nameof(TrainableSnake));
        _dim = dim;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var alpha = ChannelParameter.Along(_alpha, input, _dim, nameof(TrainableSnake));
        return (input + ((input * alpha).sin().square() / (alpha + 1e-9))).MoveToOuterDisposeScope();
    }
}
