using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// A monotone map of single values whose parameters come from a network: what couplings and autoregressive transforms apply.
/// </summary>
public abstract class Univariate
{
    /// <summary>Raw parameters per value.</summary>
    public abstract int Parameters { get; }

    // Raw parameters of one value with which the map is the identity, or as near to it as the parametrisation allows.
    internal virtual IReadOnlyList<double> StartRaw => new double[Parameters];

    /// <summary>Maps values [N, D, ...] with raw parameters [N, D, P, ...]; also the log-derivative of each value.</summary>
    public abstract (Tensor Output, Tensor LogDerivative) Forward(Tensor x, Tensor raw);

    /// <summary>The inverse map and its log-derivative.</summary>
    public abstract (Tensor Output, Tensor LogDerivative) Inverse(Tensor y, Tensor raw);
}

/// <summary>y = x + t (NICE).</summary>
public sealed class AdditiveUnivariate : Univariate
{
    /// <inheritdoc/>
    public override int Parameters => 1;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogDerivative) Forward(Tensor x, Tensor raw)
    {
        using var shift = raw.select(2, 0);
        return (x + shift, zeros_like(x));
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogDerivative) Inverse(Tensor y, Tensor raw)
    {
        using var shift = raw.select(2, 0);
        return (y - shift, zeros_like(y));
    }
}
