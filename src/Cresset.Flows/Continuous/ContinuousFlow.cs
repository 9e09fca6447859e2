using Cresset.Numerics;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>What a solve of a continuous flow found.</summary>
/// <param name="Latent">Latents at t = 0 [N, ...].</param>
/// <param name="LogProb">Log-density [N].</param>
/// <param name="Kinetic">Integral of the squared speed [N]; null when not asked for.</param>
/// <param name="SquaredJacobian">Integral of the squared Frobenius norm of the Jacobian [N]; null when not asked for.</param>
/// <param name="Statistics">What the solve cost.</param>
public sealed record ContinuousLikelihood(Tensor Latent, Tensor LogProb, Tensor? Kinetic, Tensor? SquaredJacobian,
    OdeStatistics Statistics);

/// <summary>
/// A continuous normalizing flow (Chen et al. 2018, Grathwohl et al. 2019): a velocity field carries the base distribution at t = 0 to the
/// data at t = 1; log p(x) = log p_0(z) minus the integral of the divergence along the path. Any velocity model will do, one trained by
/// flow matching too.
/// </summary>
public sealed class ContinuousFlow : DensityModel
{
    // In a box: a module in a field of its own would be registered twice.
    private readonly Lazy<IVelocityModel> _field;
    private readonly CnfOptions _options;
    [ComponentName(Name = "field")]
    private readonly nn.Module? _module;
    [ComponentName(Name = "base")]
    private readonly BaseDistribution _base;

    /// <summary>Makes the flow.</summary>
    /// <param name="field">The velocity model; a module's parameters become the flow's.</param>
    /// <param name="distribution">The distribution at t = 0.</param>
    /// <param name="options">Settings.</param>
    /// <param name="divergence">How the divergence is measured; null takes the exact one.</param>
    public ContinuousFlow(IVelocityModel field, BaseDistribution distribution, CnfOptions? options = null, Divergence? divergence = null)
        : base(nameof(ContinuousFlow))
    {
        ArgumentNullException.ThrowIfNull(field);
        _field = new Lazy<IVelocityModel>(field);
        _module = field as nn.Module;
        _base = distribution;
        _options = (options ?? new CnfOptions()).ThrowIfInvalid();
        Divergence = divergence ?? Divergence.Exact;
        RegisterComponents();
    }

    /// <summary>The velocity model.</summary>
    public IVelocityModel Field => _field.Value;

    /// <summary>How the divergence is measured.</summary>
    public Divergence Divergence { get; set; }

    /// <summary>What the last solve cost.</summary>
    public OdeStatistics LastStatistics { get; private set; }

    /// <summary>
    /// The record of the last solve with <see cref="OdeGradient.Adjoint"/> or <see cref="OdeGradient.Checkpoint"/>: what its backward pass
    /// cost, and why it failed; null before the first and with <see cref="OdeGradient.Direct"/>.
    /// </summary>
    public BackwardRecord? LastBackward { get; private set; }

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var rows = Rows(x, context, nameof(x));
        return rows.Restore(Solve(rows.Values, rows.Context, regularised: false).LogProb).MoveToOuterDisposeScope();
    }

    /// <summary>Latent, log-density and, where their weights are set, the regularisers, of samples [N, ...].</summary>
    public ContinuousLikelihood Likelihood(Tensor x, Tensor? context = null)
    {
        var rows = Rows(x, context, nameof(x));
        return Solve(rows.Values, rows.Context, regularised: true);
    }

    /// <inheritdoc/>
    /// <remarks>The weighted regularisers of <see cref="CnfOptions"/> are part of it.</remarks>
    public override Tensor Loss(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var found = Likelihood(x, context);
        var loss = -found.LogProb.mean();
        if (found.Kinetic is not null) loss = loss + found.Kinetic.mean() * _options.KineticWeight;
        if (found.SquaredJacobian is not null) loss = loss + found.SquaredJacobian.mean() * _options.JacobianWeight;
        return loss.MoveToOuterDisposeScope();
    }

    /// <summary>The training loss; the same as <see cref="Loss"/>.</summary>
    public Tensor RegularizedLoss(Tensor x, Tensor? context = null) => Loss(x, context);

    private ContinuousLikelihood Solve(Tensor x, Tensor? context, bool regularised)
    {
        using var scope = NewDisposeScope();
        var (outer, inner) = Share(context);
        var size = x.numel() / Math.Max(1, x.size(0));
        var shape = x.shape;
        bool kinetic = regularised && _options.KineticWeight > 0, jacobian = regularised && _options.JacobianWeight > 0;
        var probe = Divergence.Begin(x);
        long extra = 1 + (kinetic ? 1 : 0) + (jacobian ? 1 : 0);
        var start = cat([x.flatten(1), zeros(x.size(0), extra, dtype: x.dtype, device: x.device)], 1);
        VelocityField Augmented(Tensor? given) => (time, state) =>
        {
            using var stage = NewDisposeScope();
            var (v, divergence, squared) = probe.Measure(_field.Value, time, state.narrow(1, 0, size).reshape(shape), given, jacobian);
            var flat = v.flatten(1);
            List<Tensor> parts = [flat, divergence.unsqueeze(1)];
            // Both integrals run backwards from 1 to 0: their signs turn at the end.
            if (kinetic) parts.Add(flat.square().sum(1, keepdim: true));
            if (jacobian) parts.Add(squared!.unsqueeze(1));
            return cat(parts, 1).MoveToOuterDisposeScope();
        };
        var end = Carry(Augmented, outer, start, x, 1, 0, probe);
        var z = end.narrow(1, 0, size).reshape(x.shape);
        // d log p / dt = -div: log p(x) = log p_0(z) + integral from 1 to 0 of div.
        var log = _base.LogProb(z, inner) + end.select(1, size);
        return new ContinuousLikelihood(
            z.MoveToOuterDisposeScope(),
            log.MoveToOuterDisposeScope(),
            kinetic ? (-end.select(1, size + 1)).MoveToOuterDisposeScope() : null,
            jacobian ? (-end.select(1, size + extra - 1)).MoveToOuterDisposeScope() : null,
            LastStatistics);
    }

    /// <inheritdoc/>
    public override Tensor Encode(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var rows = Rows(x, context, nameof(x));
        return rows.Restore(Move(rows.Values, Share(rows.Context).Outer, 1, 0)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Decode(Tensor z, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var rows = Rows(z, context, nameof(z));
        return rows.Restore(Move(rows.Values, Share(rows.Context).Outer, 0, 1)).MoveToOuterDisposeScope();
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
        return Move(_base.Sample(count, inner, temperature, generator), outer, 0, 1).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override (Tensor Samples, Tensor LogDensity) SampleWithLogDensity(long count, Tensor? context = null, double temperature = 1,
        Generator? generator = null)
    {
        using var scope = NewDisposeScope();
        var (outer, inner) = ShareFor(count, context);
        var z = _base.Sample(count, inner, temperature, generator);
        var size = z.numel() / Math.Max(1, z.size(0));
        var shape = z.shape;
        var probe = Divergence.Begin(z);
        VelocityField Augmented(Tensor? given) => (time, state) =>
        {
            using var stage = NewDisposeScope();
            var (v, divergence, _) = probe.Measure(_field.Value, time, state.narrow(1, 0, size).reshape(shape), given, jacobian: false);
            return cat([v.flatten(1), divergence.unsqueeze(1)], 1).MoveToOuterDisposeScope();
        };
        var end = Carry(Augmented, outer, cat([z.flatten(1), zeros(z.size(0), 1, dtype: z.dtype, device: z.device)], 1), z, 0, 1, probe);
        var log = _base.LogProb(z, inner) - end.select(1, size);
        return (end.narrow(1, 0, size).reshape(z.shape).MoveToOuterDisposeScope(), log.MoveToOuterDisposeScope());
    }

    private SampleRows Rows(Tensor values, Tensor? context, string name)
        => SampleRows.Of(nameof(ContinuousFlow), values, context, _base.EventDimensions, _base.Like, name);

    private (Tensor? Outer, Tensor? Inner) ShareFor(long count, Tensor? context) =>
        Share(SampleRows.ContextFor(nameof(ContinuousFlow), count, context, _base.Like));

    private (Tensor? Outer, Tensor? Inner) Share(Tensor? context)
    {
        if (context is null) return (null, null);
        var outer = Field.TakesContext ? context : null;
        var inner = _base.TakesContext ? context : null;
        if (outer is null && inner is null)
            throw new ArgumentException(
                $"ContinuousFlow: a context of shape {Cresset.Tensors.Shape.Text(context)} is given, but neither its field "
                    + $"{Field.GetType().Name} nor its base {_base.GetType().Name} takes one. Make the field with context features, or "
                    + $"leave the context out.", nameof(context));
        return (outer, inner);
    }

    private Tensor Move(Tensor value, Tensor? context, double from, double to) =>
        Carry(given => Field.Field(given), context, value, value, from, to);

    private Tensor Carry(Func<Tensor?, VelocityField> field, Tensor? context, Tensor start, Tensor sample, double from, double to,
        Divergence.Probe? probe = null)
    {
        if (_options.Gradient == OdeGradient.Direct || !is_grad_enabled())
        {
            using var solution = Ode.Solve(field(context), start, [from, to], _options.Solver);
            LastStatistics = solution.Statistics;
            return solution.Final;
        }
        Tensor[] weights = [.. (_module?.parameters() ?? []).Where(p => p.requires_grad)];
        if (_module is null) CapturedTensors.Check(Field.Field(context?.detach()), from, sample, Field.GetType().Name);
        // The backward pass runs the field again when the scopes of this call are gone.
        var kept = context?.alias().DetachFromDisposeScope();
        Tensor[] captured = kept is { requires_grad: true } ? [.. weights, kept] : weights;
        Tensor[] owned = [.. new[] { kept, probe?.Keep() }.OfType<Tensor>()];
        var record = LastBackward = new BackwardRecord();
        using var found = TrainableOde.Record(field(kept), captured, start, [from, to], _options.Solver, _options.Gradient, null,
            seminorm: false, record, owned).Solution;
        LastStatistics = found.Statistics;
        return found.Final;
    }
}
