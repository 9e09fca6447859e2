using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// A batch for the two regressions of score and flow matching: models of the velocity and of the score see <see cref="State"/> and
/// <see cref="Time"/>.
/// </summary>
/// <param name="Time">Times [N].</param>
/// <param name="State">Points on the bridges [N, ...].</param>
/// <param name="Velocity">Target of the velocity model [N, ...].</param>
/// <param name="Noise">The noise of each point [N, ...]; the score is -noise / (sigma sqrt(t (1 - t))).</param>
/// <param name="Weight">lambda(t) = 2 sigma_t / sigma^2 = 2 sqrt(t (1 - t)) / sigma [N], with which the score's regression keeps an even
/// scale.</param>
public sealed record ScoreMatchingBatch(Tensor Time, Tensor State, Tensor Velocity, Tensor Noise, Tensor Weight);

/// <summary>
/// Schroedinger bridges without simulation (SF2M, Tong et al. 2024): velocity and score of Brownian bridges between pairs of the entropic
/// plan; the drift of the process is velocity + sigma^2 / 2 score.
/// </summary>
public static class ScoreFlowMatching
{
    /// <summary>
    /// Draws a batch from paired samples; pair them by <see cref="OptimalTransport.DrawPairs"/> with a regularisation of 2 sigma^2.
    /// </summary>
    /// <param name="source">Source samples [N, ...].</param>
    /// <param name="data">Data [N, ...], paired row by row.</param>
    /// <param name="sigma">Deviation of the Brownian motion.</param>
    /// <param name="generator">Source of randomness.</param>
    public static ScoreMatchingBatch Draw(Tensor source, Tensor data, double sigma, Generator? generator = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (!(sigma > 0) || !double.IsFinite(sigma))
            throw new ArgumentOutOfRangeException(nameof(sigma), sigma, "The deviation must be finite and greater than 0.");
        using var scope = NewDisposeScope();
        // The bridge is a point at its ends: there its velocity is not finite.
        var time = (rand(data.size(0), generator: generator) * (1 - 2e-3) + 1e-3).to(data.dtype).to(data.device);
        var noise = randn(data.shape, dtype: data.dtype, generator: generator).to(data.device);
        var batch = new BridgePath(BridgeKind.SchroedingerBridge, sigma).At(source, data, time, noise);
        var weight = (time * (1 - time)).sqrt() * (2 / sigma);
        return new ScoreMatchingBatch(time.MoveToOuterDisposeScope(), batch.State.MoveToOuterDisposeScope(),
            batch.Velocity.MoveToOuterDisposeScope(), noise.MoveToOuterDisposeScope(), weight.MoveToOuterDisposeScope());
    }

    /// <summary>Both losses: of the velocity, and of the score weighted by lambda.</summary>
    /// <param name="velocity">The velocity model.</param>
    /// <param name="score">The score model.</param>
    /// <param name="batch">A batch of <see cref="Draw"/>.</param>
    /// <param name="sigma">As in <see cref="Draw"/>.</param>
    /// <param name="context">Condition of both models.</param>
    public static Tensor Loss(IVelocityModel velocity, IVelocityModel score, ScoreMatchingBatch batch, double sigma, Tensor? context = null)
    {
        ArgumentNullException.ThrowIfNull(velocity);
        ArgumentNullException.ThrowIfNull(score);
        ArgumentNullException.ThrowIfNull(batch);
        using var scope = NewDisposeScope();
        var weight = ProbabilityPath.Align(batch.Weight, batch.State);
        // The score is -noise / sigma_t: times lambda = 2 sigma_t / sigma^2 it is -2 noise / sigma^2.
        var error = weight * score.Velocity(batch.State, batch.Time, context) + batch.Noise * (2 / (sigma * sigma));
        return (FlowMatching.Loss(velocity.Velocity(batch.State, batch.Time, context), batch.Velocity)
            + error.square().mean()).MoveToOuterDisposeScope();
    }

    /// <summary>Carries source samples to data along the process: its paths are random, its ends are those of the flow.</summary>
    public static Tensor Sample(IVelocityModel velocity, IVelocityModel score, Tensor source, double sigma, int steps,
        Tensor? context = null, Generator? generator = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        if (!(sigma >= 0) || !double.IsFinite(sigma))
            throw new ArgumentOutOfRangeException(nameof(sigma), sigma, "The deviation must be finite and at least 0.");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        VelocityField flow = velocity.Field(context), towards = score.Field(context);
        Tensor Drift(double time, Tensor state) => flow(time, state) + towards(time, state) * (sigma * sigma / 2);
        var spread = full(1, sigma, dtype: source.dtype, device: source.device);
        double[] times = [.. Enumerable.Range(0, steps + 1).Select(i => (double)i / steps)];
        return Sde.Solve(Drift, (_, _) => spread, source, times, SdeMethod.EulerMaruyama, generator,
            cancellation)[-1].MoveToOuterDisposeScope();
    }
}
