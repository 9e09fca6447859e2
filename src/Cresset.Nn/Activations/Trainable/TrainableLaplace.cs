using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// (1 + erf((x - mu) / (sigma sqrt 2))) / 2 with trained mu and sigma. Ma et al. 2022 (Mega). [...] to the same shape. Keys: <c>mu</c>,
/// <c>sigma</c>.
/// </summary>
public sealed class TrainableLaplace : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "mu")]
    private readonly Parameter _mu;

    [ComponentName(Name = "sigma")]
    private readonly Parameter _sigma;

    private readonly long _dim;

    /// <summary>Builds the layer.</summary>
    /// <param name="channels">1 shares the parameters; otherwise the size of <paramref name="dim"/>.</param>
    /// <param name="mu">Initial centre.</param>
    /// <param name="sigma">Initial width.</param>
    /// <param name="dim">The channel dimension.</param>
    public TrainableLaplace(long channels = 1, double mu = 0.707107, double sigma = 0.282095, long dim = 1)
        : base(nameof(TrainableLaplace))
    {
        _mu = ChannelParameter.Make(channels, mu, nameof(TrainableLaplace));
        _sigma = ChannelParameter.Make(channels, sigma, nameof(TrainableLaplace));
        _dim = dim;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var mu = ChannelParameter.Along(_mu, input, _dim, nameof(TrainableLaplace));
        var sigma = ChannelParameter.Along(_sigma, input, _dim, nameof(TrainableLaplace));
        return ((((input - mu) / (sigma * Math.Sqrt(2))).erf() + 1) * 0.5).MoveToOuterDisposeScope();
    }
}
