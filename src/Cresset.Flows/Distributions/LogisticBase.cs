using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Independent standard logistic latents [N, D], the prior of NICE.</summary>
public sealed class LogisticBase : BaseDistribution
{
    [ComponentName(Name = "loc")]
    private readonly Tensor _loc;

    /// <summary>Makes the distribution over latents of the given shape.</summary>
    public LogisticBase(params long[] shape)
        : base(nameof(LogisticBase))
    {
        _loc = zeros(shape).DetachFromDisposeScope();
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override int? EventDimensions => _loc.dim() == 0 ? null : (int)_loc.dim();

    internal override Tensor? Like => _loc;

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        using var scope = NewDisposeScope();
        var y = z - _loc;
        return FlowTransform.SumPerSample(-(nn.functional.softplus(y, 1, 40) + nn.functional.softplus(-y, 1, 40)))
            .MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Sample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null)
    {
        RefuseContext(context);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        using var scope = NewDisposeScope();
        var u = rand([count, .. _loc.shape], dtype: ScalarType.Float64, generator: generator).clamp(1e-12, 1 - 1e-12);
        return (u.logit() * Check(temperature)).to(_loc.dtype).to(_loc.device).add(_loc).MoveToOuterDisposeScope();
    }
}

/// <summary>Uniform latents on a box [low, high]^D; the density outside is 0. The temperature shrinks the box about its centre.</summary>
public sealed class UniformBase : BaseDistribution
{
    private readonly double _low;
    private readonly double _high;
    [ComponentName(Name = "loc")]
    private readonly Tensor _shape;

    /// <summary>Makes the distribution over latents of the given shape.</summary>
    public UniformBase(double low, double high, params long[] shape)
        : base(nameof(UniformBase))
    {
        if (!(high > low) || !double.IsFinite(high - low))
            throw new ArgumentOutOfRangeException(nameof(high), high, $"Must be greater than low ({low}).");
        (_low, _high) = (low, high);
        _shape = zeros(shape).DetachFromDisposeScope();
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override int? EventDimensions => _shape.dim() == 0 ? null : (int)_shape.dim();

    internal override Tensor? Like => _shape;

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        using var scope = NewDisposeScope();
        var log = full_like(z, -Math.Log(_high - _low));
        return FlowTransform.SumPerSample(where((z >= _low) & (z <= _high), log, full_like(z, double.NegativeInfinity)))
            .MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Sample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null)
    {
        RefuseContext(context);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        using var scope = NewDisposeScope();
        double centre = (_low + _high) / 2, width = (_high - _low) * Check(temperature);
        return ((rand([count, .. _shape.shape], dtype: _shape.dtype, generator: generator).to(_shape.device) - 0.5) * width
            + centre).MoveToOuterDisposeScope();
    }
}
