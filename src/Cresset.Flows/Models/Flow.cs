using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>What a context conditions.</summary>
public enum ContextUse
{
    /// <summary>The transform: features [N, C].</summary>
    Transform,

    /// <summary>The base distribution: class labels [N], or features for <see cref="ConditionalNormal"/>.</summary>
    Base,

    /// <summary>Transform and base distribution, with the same context.</summary>
    Both,
}

/// <summary>A transform and a base distribution: log p(x) = log p_Z(f(x)) + log|det df/dx|.</summary>
public class Flow : DensityModel
{
    private readonly ContextUse _use;
    [ComponentName(Name = "transform")]
    private readonly FlowTransform _transform;
    [ComponentName(Name = "base")]
    private readonly BaseDistribution _base;
    [ComponentName(Name = "embedding")]
    private readonly nn.Module<Tensor, Tensor>? _embedding;

    /// <summary>Makes a flow.</summary>
    /// <param name="transform">From data to latent.</param>
    /// <param name="distribution">The distribution of the latent.</param>
    /// <param name="use">What a context conditions.</param>
    /// <param name="embedding">A network that turns the caller's context [M, ...] into the features [M, C] that the parts take; trained
    /// with the flow.</param>
    public Flow(FlowTransform transform, BaseDistribution distribution, ContextUse use = ContextUse.Transform,
        nn.Module<Tensor, Tensor>? embedding = null)
        : base(nameof(Flow))
    {
        ArgumentNullException.ThrowIfNull(transform);
        ArgumentNullException.ThrowIfNull(distribution);
        _transform = transform;
        _base = distribution;
        _use = use;
        _embedding = embedding;
        RegisterComponents();
    }

    /// <summary>From data to latent.</summary>
    public FlowTransform Transform => _transform;

    /// <summary>The distribution of the latent.</summary>
    public BaseDistribution Base => _base;

    private string Title => GetType().Name;

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var rows = Rows(x, context, nameof(x));
        var (outer, inner) = Share(rows.Context);
        var (z, log) = _transform.Forward(rows.Values, outer);
        return rows.Restore(_base.LogProb(z, inner) + log).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Encode(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var rows = Rows(x, context, nameof(x));
        return rows.Restore(_transform.Forward(rows.Values, Share(rows.Context).Outer).Output).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Decode(Tensor z, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var rows = Rows(z, context, nameof(z), latents: true);
        return rows.Restore(_transform.Inverse(rows.Values, Share(rows.Context).Outer).Output).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Sample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null)
    {
        using var noGrad = no_grad();
        return RSample(count, context, temperature, generator);
    }

    /// <inheritdoc/>
    public override Tensor RSample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null)
    {
        using var scope = NewDisposeScope();
        var (outer, inner) = ShareFor(count, context);
        return _transform.Inverse(_base.Sample(count, inner, temperature, generator), outer).Output.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override (Tensor Samples, Tensor LogDensity) SampleWithLogDensity(long count, Tensor? context = null, double temperature = 1,
        Generator? generator = null)
    {
        using var scope = NewDisposeScope();
        var (outer, inner) = ShareFor(count, context);
        var z = _base.Sample(count, inner, temperature, generator);
        var (x, log) = _transform.Inverse(z, outer);
        return (x.MoveToOuterDisposeScope(), (_base.LogProb(z, inner) - log).MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Samples and their log-density with gradients to the parameters, for training against a known density (reverse KL).
    /// </summary>
    public (Tensor Samples, Tensor LogProb) SampleWithLogProb(long count, Tensor? context = null, Generator? generator = null) =>
        SampleWithLogDensity(count, context, 1, generator);

    private SampleRows Rows(Tensor values, Tensor? context, string name, bool latents = false)
        => SampleRows.Of(Title, values, Embed(context),
            latents ? _base.EventDimensions : _transform.SampleDimensions ?? _base.EventDimensions, _base.Like, name);

    private (Tensor? Outer, Tensor? Inner) ShareFor(long count, Tensor? context) =>
        Share(SampleRows.ContextFor(Title, count, Embed(context), _base.Like));

    private Tensor? Embed(Tensor? context)
    {
        if (_embedding is null || context is null) return context;
        return _embedding.call(context.is_floating_point() && context.dim() == 1 ? context.unsqueeze(0) : context);
    }

    private (Tensor? Outer, Tensor? Inner) Share(Tensor? context)
    {
        if (context is null) return (null, null);
        var outer = _use != ContextUse.Base && _transform.TakesContext ? context : null;
        var inner = _use != ContextUse.Transform && _base.TakesContext ? context : null;
        if (outer is null && inner is null)
        {
            var part = _use == ContextUse.Transform ? "its transform" : _use == ContextUse.Base ? $"its base {_base.GetType().Name}"
                : $"neither its transform nor its base {_base.GetType().Name}";
            var takes = _use == ContextUse.Both ? "takes one" : "takes none";
            throw new ArgumentException(
                $"{Title}: a context of shape {Cresset.Tensors.Shape.Text(context)} is given, but {part} {takes}. Make the flow with "
                    + $"context features (Context), a conditional base with ContextUse.Base, or leave the context out.", nameof(context));
        }
        return (outer, inner);
    }
}
