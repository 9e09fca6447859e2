using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// sin(omega (x W + b)), [..., in] to [..., out], with the initial weights that keep its distribution through depth. Sitzmann et al. 2020.
/// Key: <c>linear</c>.
/// </summary>
public sealed class SirenLayer : nn.Module<Tensor, Tensor>, IOwnInitialization
{
    [ComponentName(Name = "linear")]
    private readonly Linear _linear;

    private readonly double _omega;
    private readonly double _bound;

    /// <summary>Builds the layer.</summary>
    /// <param name="inFeatures">Features in.</param>
    /// <param name="outFeatures">Features out.</param>
    /// <param name="first">The first layer of a net draws from ±1/in, the others from ±sqrt(6/in)/omega.</param>
    /// <param name="omega">Frequency.</param>
    /// <param name="generator">Draws the weights; null uses TorchSharp's global one.</param>
    public SirenLayer(long inFeatures, long outFeatures, bool first = false, double omega = 30, Generator? generator = null)
        : base(nameof(SirenLayer))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(omega);
        _omega = omega;
        _linear = nn.Linear(inFeatures, outFeatures);
        RegisterComponents();
        _bound = first ? 1.0 / inFeatures : Math.Sqrt(6.0 / inFeatures) / omega;
        if (generator is not null) Initialize.Reset(this, generator);
        else DrawWeights(null);
    }

    /// <summary>The weights of the paper; the bias stays as the general draw leaves it.</summary>
    public void DrawWeights(Generator? generator) => Initialize.Uniform(_linear.weight!, -_bound, _bound, generator);

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return Activations.Sine(_linear.call(input), _omega).MoveToOuterDisposeScope();
    }
}
