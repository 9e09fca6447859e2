using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>What a context conditions.</summary>
public enum ContextUse
{
    /// <summary>The transform: features [N, C].</summary>
    Transform,

    /// <summary>The base distribution: class labels [N].</summary>
    Base,
}

/// <summary>A transform and a base distribution: log p(x) = log p_Z(f(x)) + log|det df/dx|.</summary>
public class Flow : DensityModel
{
    private readonly ContextUse _use;
    [ComponentName(Name = "transform")]
    private readonly FlowTransform _transform;
    [ComponentName(Name = "base")]
    private readonly BaseDistribution _base;

    /// <summary>Makes a flow.</summary>
    public Flow(FlowTransform transform, BaseDistribution distribution, ContextUse use = ContextUse.Transform)
        : base(nameof(Flow))
    {
        _transform = transform;
        _base = distribution;
        _use = use;
        RegisterComponents();
    }

    /// <summary>From data to latent.</summary>
    public FlowTransform Transform => _transform;

    /// <summary>The distribution of the latent.</summary>
    public BaseDistribution Base => _base;

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var (z, log) = _transform.Forward(x, Outer(context));
        return (_base.LogProb(z, Inner(context)) + log).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Encode(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        return _transform.Forward(x, Outer(context)).Output.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Decode(Tensor z, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        return _transform.Inverse(z, Outer(context)).Output.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Sample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Decode(_base.Sample(count, Inner(context), temperature, generator), context).MoveToOuterDisposeScope();
    }

    /// <summary>Samples and their log-density with gradients to the parameters, for training against a known density (reverse KL).</summary>
    public (Tensor Samples, Tensor LogProb) SampleWithLogProb(long count, Tensor? context = null, Generator? generator = null)
    {
        using var scope = NewDisposeScope();
        var z = _base.Sample(count, Inner(context), 1, generator);
        var (x, log) = _transform.Inverse(z, Outer(context));
        return (x.MoveToOuterDisposeScope(), (_base.LogProb(z, Inner(context)) - log).MoveToOuterDisposeScope());
    }

    private Tensor? Outer(Tensor? context) => _use == ContextUse.Transform ? context : null;

    private Tensor? Inner(Tensor? context) => _use == ContextUse.Base ? context : null;
}
