using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>A normal distribution with fixed location and scale, standard unless a checkpoint says otherwise; keys loc, scale.</summary>
public sealed class NormalBase : BaseDistribution
{
    [ComponentName(Name = "loc")]
    private readonly Tensor _loc;
    [ComponentName(Name = "scale")]
    private readonly Tensor _scale;

    /// <summary>Standard normal latents of the given shape (without N).</summary>
    public NormalBase(params long[] shape)
        : base(nameof(NormalBase))
    {
        _loc = zeros(shape).DetachFromDisposeScope();
        _scale = ones(shape).DetachFromDisposeScope();
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
        var standard = (z - _loc) / _scale;
        var log = standard.square() * -0.5 - _scale.log() - 0.5 * Math.Log(2 * Math.PI);
        return FlowTransform.SumPerSample(log).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Sample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null)
    {
        RefuseContext(context);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        using var scope = NewDisposeScope();
        var noise = randn([count, .. _loc.shape], dtype: _loc.dtype, generator: generator).to(_loc.device);
        return (_loc + _scale * noise * Check(temperature)).MoveToOuterDisposeScope();
    }
}

/// <summary>
/// A normal distribution with learned location and scale for each class (normflows' class-conditional base); one class is a plain learned
/// normal.
/// </summary>
public sealed class ClassConditionalNormal : BaseDistribution
{
    [ComponentName(Name = "loc")]
    private readonly Parameter _loc;
    [ComponentName(Name = "log_scale")]
    private readonly Parameter _logScale;
    private readonly long _classes;

    /// <summary>Makes the distribution over latents of the given shape.</summary>
    public ClassConditionalNormal(long classes, params long[] shape)
        : base(nameof(ClassConditionalNormal))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        _classes = classes;
        _loc = new Parameter(zeros([classes, .. shape]).DetachFromDisposeScope());
        _logScale = new Parameter(zeros([classes, .. shape]).DetachFromDisposeScope());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override int? EventDimensions => _loc.dim() == 1 ? null : (int)_loc.dim() - 1;

    internal override Tensor? Like => _loc;

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor z, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var (loc, log) = Select(context, z.size(0));
        var density = (z - loc).square() * (-2 * log).exp() * -0.5 - log - 0.5 * Math.Log(2 * Math.PI);
        return FlowTransform.SumPerSample(density).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Sample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        using var scope = NewDisposeScope();
        context ??= randint(0, _classes, count, dtype: ScalarType.Int64, generator: generator).to(_loc.device);
        var (loc, log) = Select(context, count);
        var noise = randn(loc.shape, dtype: loc.dtype, generator: generator).to(loc.device);
        return (loc + log.exp() * noise * Check(temperature)).MoveToOuterDisposeScope();
    }

    private (Tensor Loc, Tensor Log) Select(Tensor? labels, long count)
    {
        if (labels is null)
        {
            return _classes == 1 ? (_loc, _logScale)
                : throw new ArgumentNullException(nameof(labels),
                    $"This distribution has {_classes} classes: it takes labels int64 [N] as context.");
        }
        labels = ClassLabels.Check(labels, count, _classes, nameof(ClassConditionalNormal));
        return (_loc.index_select(0, labels), _logScale.index_select(0, labels));
    }
}
