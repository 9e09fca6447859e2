using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// z = exp(s) x, one learned s per feature: the last layer of NICE (equation 14). Started from data it spares the long way that constant
/// corner pixels would need.
/// </summary>
public sealed class DiagonalScaling : FlowTransform
{
    [ComponentName(Name = "log_scale")]
    private readonly Parameter _logScale;

    /// <summary>Starts as the identity.</summary>
    public DiagonalScaling(int features)
        : base(nameof(DiagonalScaling))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        _logScale = new Parameter(zeros(features).DetachFromDisposeScope());
        RegisterComponents();
    }

    /// <summary>Sets the scales so that the given values [N, D] get a deviation of <paramref name="deviation"/>.</summary>
    public void Initialize(Tensor x, double deviation = 1)
    {
        Cresset.Tensors.Shape.Expect(x, "N D", ("D", _logScale.size(0)));
        if (!(deviation > 0) || !double.IsFinite(deviation))
            throw new ArgumentOutOfRangeException(nameof(deviation), deviation, "The deviation must be finite and greater than 0.");
        if (x.size(0) < 2) throw Cresset.Tensors.Shape.Wrong(x, "[N, D] with at least two samples", "One sample has no deviation.");
        FiniteValues.Check(x, nameof(DiagonalScaling), nameof(x));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _logScale.copy_((deviation / (x.std([0L], true) + 1e-3)).log());
    }

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(x, "N D", ("D", _logScale.size(0)));
        using var scope = NewDisposeScope();
        return Move(x * _logScale.exp(), PerSample(_logScale.sum(), x));
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(z, "N D", ("D", _logScale.size(0)));
        using var scope = NewDisposeScope();
        return Move(z * (-_logScale).exp(), PerSample(-_logScale.sum(), z));
    }
}
