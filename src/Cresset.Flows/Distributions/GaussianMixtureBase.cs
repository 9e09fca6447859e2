using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>A learned mixture of diagonal Gaussians over vectors [N, D].</summary>
public sealed class GaussianMixtureBase : BaseDistribution
{
    [ComponentName(Name = "loc")]
    private readonly Parameter _loc;
    [ComponentName(Name = "log_scale")]
    private readonly Parameter _logScale;
    [ComponentName(Name = "logits")]
    private readonly Parameter _logits;

    /// <summary>Makes a mixture with random centres.</summary>
    public GaussianMixtureBase(int components, int features, double spread = 1, Generator? generator = null)
        : base(nameof(GaussianMixtureBase))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(components, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        if (!(spread >= 0) || !double.IsFinite(spread))
            throw new ArgumentOutOfRangeException(nameof(spread), spread, "The spread of the centres must be finite and at least 0.");
        using var scope = NewDisposeScope();
        _loc = new Parameter((randn(components, features, generator: generator) * spread).DetachFromDisposeScope());
        _logScale = new Parameter(zeros(components, features).DetachFromDisposeScope());
        _logits = new Parameter(zeros(components).DetachFromDisposeScope());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override int? EventDimensions => 1;

    internal override Tensor? Like => _loc;

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(z, "N D", ("D", _loc.size(1)));
        using var scope = NewDisposeScope();
        var standard = (z.unsqueeze(1) - _loc) * (-_logScale).exp();
        var log = (standard.square() * -0.5 - _logScale - 0.5 * Math.Log(2 * Math.PI)).sum(2);
        return (log + _logits.log_softmax(0)).logsumexp(1).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Sample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null)
    {
        RefuseContext(context);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        using var scope = NewDisposeScope();
        // multinomial draws one at least.
        if (count == 0) return zeros([0, _loc.size(1)], dtype: _loc.dtype, device: _loc.device).MoveToOuterDisposeScope();
        var component = multinomial(_logits.detach().softmax(0), count, true, generator);
        var noise = randn(count, _loc.size(1), dtype: _loc.dtype, generator: generator).to(_loc.device);
        return (_loc.index_select(0, component)
            + _logScale.index_select(0, component).exp() * noise * Check(temperature)).MoveToOuterDisposeScope();
    }
}
