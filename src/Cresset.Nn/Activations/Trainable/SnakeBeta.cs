using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// x + sin^2(e^alpha x) / e^beta: frequency and height trained apart, both stored as logarithms. Lee et al. 2023 (BigVGAN). [...] to the
/// same shape. Keys: <c>alpha</c>, <c>beta</c>.
/// </summary>
public sealed class SnakeBeta : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "alpha")]
    private readonly Parameter _alpha;

    [ComponentName(Name = "beta")]
    private readonly Parameter _beta;

    private readonly long _dim;

    /// <summary>Builds the layer.</summary>
    /// <param name="channels">1 shares the parameters; otherwise the size of <paramref name="dim"/>.</param>
    /// <param name="alpha">Initial frequency (its logarithm is stored).</param>
    /// <param name="beta">Initial divisor of the height (its logarithm is stored).</param>
    /// <param name="dim">The channel dimension.</param>
    public SnakeBeta(long channels = 1, double alpha = 1, double beta = 1, long dim = 1)
        : base(nameof(SnakeBeta))
    {
        _alpha = ChannelParameter.Make(channels, Math.Log(alpha), nameof(SnakeBeta));
        _beta = ChannelParameter.Make(channels, Math.Log(beta), nameof(SnakeBeta));
        _dim = dim;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var alpha = ChannelParameter.Along(_alpha, input, _dim, nameof(SnakeBeta));
        var beta = ChannelParameter.Along(_beta, input, _dim, nameof(SnakeBeta));
        return (input + ((input * alpha.exp()).sin().square() / (beta.exp() + 1e-9))).MoveToOuterDisposeScope();
    }
}
