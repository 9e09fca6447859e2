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
public sealed record ContinuousLikelihood(Tensor Latent, Tensor LogProb, Tensor? Kinetic, Tensor? SquaredJacobian, OdeStatistics Statistics);

/// <summary>
/// A continuous normalizing flow (Chen et al. 2018, Grathwohl et al. 2019): a velocity field carries the base distribution at t = 0
/// to the data at t = 1; log p(x) = log p_0(z) minus the integral of the divergence along the path. Any velocity model will do,
/// one trained by flow matching too.
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

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        return Likelihood(x, context).LogProb.MoveToOuterDisposeScope();
    }

    /// <summary>Latent, log-density and, where their weights are set, the regularisers.</summary>
    public ContinuousLikelihood Likelihood(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var size = x.numel() / Math.Max(1, x.size(0));
        bool kinetic = _options.KineticWeight > 0, jacobian = _options.JacobianWeight > 0;
        var probe = Divergence.Begin(x);
        long extra = 1 + (kinetic ? 1 : 0) + (jacobian ? 1 : 0);
        var start = cat([x.flatten(1), zeros(x.size(0), extra, dtype: x.dtype, device: x.device)], 1);
        VelocityField augmented = (time, state) =>
        {
            using var inner = NewDisposeScope();
            var (v, divergence, squared) = probe.Measure(_field.Value, time, state.narrow(1, 0, size).reshape(x.shape), context, jacobian);
            var flat = v.flatten(1);
            List<Tensor> parts = [flat, divergence.unsqueeze(1)];
            // Both integrals run backwards from 1 to 0: their signs turn at the end.
            if (kinetic) parts.Add(flat.square().sum(1, keepdim: true));
            if (jacobian) parts.Add(squared!.unsqueeze(1));
            return cat(parts, 1).MoveToOuterDisposeScope();
        };
        var end = Solve(augmented, start);
        var z = end.narrow(1, 0, size).reshape(x.shape);
        // d log p / dt = -div: log p(x) = log p_0(z) + integral from 1 to 0 of div.
        var log = _base.LogProb(z, context) + end.select(1, size);
        return new ContinuousLikelihood(
            z.MoveToOuterDisposeScope(),
            log.MoveToOuterDisposeScope(),
            kinetic ? (-end.select(1, size + 1)).MoveToOuterDisposeScope() : null,
            jacobian ? (-end.select(1, size + extra - 1)).MoveToOuterDisposeScope() : null,
            LastStatistics);
    }

    /// <summary>The training loss: negative log-likelihood plus the weighted regularisers.</summary>
    public Tensor RegularizedLoss(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var found = Likelihood(x, context);
        var loss = -found.LogProb.mean();
        if (found.Kinetic is not null) loss = loss + found.Kinetic.mean() * _options.KineticWeight;
        if (found.SquaredJacobian is not null) loss = loss + found.SquaredJacobian.mean() * _options.JacobianWeight;
        return loss.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Encode(Tensor x, Tensor? context = null) => Move(x, context, 1, 0);

    /// <inheritdoc/>
    public override Tensor Decode(Tensor z, Tensor? context = null) => Move(z, context, 0, 1);

    /// <inheritdoc/>
    public override Tensor Sample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Decode(_base.Sample(count, context, temperature, generator), context).MoveToOuterDisposeScope();
    }

    private Tensor Move(Tensor value, Tensor? context, double from, double to)
    {
        using var scope = NewDisposeScope();
        var (state, statistics) = Ode.Final(_field.Value.Field(context), value, from, to, _options.Solver);
        LastStatistics = statistics;
        return state.MoveToOuterDisposeScope();
    }

    private Tensor Solve(VelocityField augmented, Tensor start)
    {
        if (_options.Gradient == OdeGradient.Direct || !is_grad_enabled())
        {
            using var solution = Ode.Solve(augmented, start, [1, 0], _options.Solver);
            LastStatistics = solution.Statistics;
            return solution.Final;
        }
        var parameters = (_module?.parameters() ?? []).Where(p => p.requires_grad).Cast<Tensor>().ToArray();
        var (result, _) = TrainableOde.Solve(augmented, parameters, start, [1, 0], _options.Solver, _options.Gradient);
        LastStatistics = result.Statistics;
        return result.Final;
    }
}
