using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Dropout for SELU nets: dropped values become SELU's lower limit -1.7581, then the whole is scaled and shifted so that mean 0 and
/// variance 1 stay. Klambauer et al. 2017. [...] to the same shape; nothing happens in evaluation.
/// </summary>
public sealed class AlphaDropout : nn.Module<Tensor, Tensor>
{
    private const double LowerLimit = -1.7580993408473766;
    private readonly double _p;
    private readonly Generator? _generator;

    /// <summary>Builds the layer.</summary>
    /// <param name="p">Probability to drop, in [0, 1).</param>
    /// <param name="generator">Where the draws come from; null uses TorchSharp's global one.</param>
    public AlphaDropout(double p = 0.5, Generator? generator = null)
        : base(nameof(AlphaDropout))
    {
        if (!(p is >= 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(p), p, "AlphaDropout: the probability must lie in [0, 1).");
        (_p, _generator) = (p, generator);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (!training || _p == 0) return input.alias();
        using var scope = NewDisposeScope();
        var keep = rand(input.shape, dtype: ScalarType.Float32, generator: _generator).to(input.device).ge(_p);
        var scale = 1 / Math.Sqrt((1 - _p) * (1 + (_p * LowerLimit * LowerLimit)));
        return (where(keep, input, full_like(input, LowerLimit)) * scale - (scale * _p * LowerLimit)).MoveToOuterDisposeScope();
    }
}
