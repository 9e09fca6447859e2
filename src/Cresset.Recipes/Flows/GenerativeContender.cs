using Cresset.Flows;
using Cresset.Optim;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// One model of the comparison: how it is trained, sampled with a number of network evaluations, and whether it has a likelihood.
/// </summary>
internal abstract class GenerativeContender(string name, nn.Module module, int steps) : IDisposable
{
    public string Name => name;

    public int Steps => steps;

    public nn.Module Module => module;

    public abstract Tensor Loss(Tensor batch, Generator generator);

    /// <summary>
    /// Samples in the plane for standard normal noise [N, 2] and the evaluations of the network that they cost, at each of the model's
    /// settings.
    /// </summary>
    public abstract IEnumerable<(string Sampler, long Evaluations, Tensor Samples)> Samples(Tensor noise, Generator generator);

    /// <summary>Mean negative log-likelihood in nats and the evaluations it costs; null where the model has none.</summary>
    public abstract (double Nll, long Evaluations)? Likelihood(Tensor points);

    public virtual void Dispose() => module.Dispose();

    /// <summary>Trains with Adam and a cosine; returns the processor seconds of this process.</summary>
    public double Train(Func<int, Tensor> batch, double rate, Generator generator, CancellationToken cancellation)
    {
        using var optimizer = new Optimizer(module, new AdamRule { LearningRate = rate });
        var schedule = new Scheduler(optimizer, new CosineSchedule { Steps = steps });
        var before = Environment.CpuUsage.TotalTime;
        for (var step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            optimizer.ZeroGrad();
            Loss(batch(step), generator).backward();
            optimizer.Step(GradientClipping.Norm(5));
            schedule.Step();
        }
        return (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    }
}

/// <summary>A density model trained by maximum likelihood: a normalizing flow, or a continuous one.</summary>
internal sealed class LikelihoodContender(string name, DensityModel model, int steps, int depth) : GenerativeContender(name, model, steps)
{
    public override Tensor Loss(Tensor batch, Generator generator) => model.Loss(batch);

    public override IEnumerable<(string Sampler, long Evaluations, Tensor Samples)> Samples(Tensor noise, Generator generator)
    {
        if (model is not ContinuousFlow continuous)
        {
            yield return ("one pass", depth, model.Decode(noise));
            yield break;
        }
        foreach (var result in FieldSamples(continuous.Field.Field(), noise)) yield return result;
    }

    public override (double Nll, long Evaluations)? Likelihood(Tensor points)
    {
        using var scope = NewDisposeScope();
        var nll = -model.LogProb(points).mean().ToDouble();
        return (nll, model is ContinuousFlow continuous ? continuous.LastStatistics.Evaluations : depth);
    }

    /// <summary>A field with few Euler steps and with an adaptive solver.</summary>
    public static IEnumerable<(string Sampler, long Evaluations, Tensor Samples)> FieldSamples(VelocityField field, Tensor noise)
    {
        foreach (var steps in new[] { 1, 2, 4, 10 })
            yield return ($"Euler {steps}", steps, FlowSampler.Sample(field, noise, FlowSampler.Grid(steps)));
        var (samples, statistics) = FlowSampler.Sample(field, noise, OdeOptions.Dopri5(1e-4));
        yield return ("dopri5", statistics.Evaluations, samples);
    }
}

/// <summary>A velocity field trained by regression; its likelihood is that of the continuous flow it defines.</summary>
internal sealed class MatchingContender(string name, MlpVelocity field, int steps, bool transport) : GenerativeContender(name, field, steps)
{
    public override Tensor Loss(Tensor batch, Generator generator)
    {
        var noise = randn(batch.shape, generator: generator);
        if (transport) noise = OptimalTransport.Couple(noise, batch);
        var pairs = FlowMatching.Draw(noise, batch, generator: generator);
        return FlowMatching.Loss(field.Velocity(pairs.State, pairs.Time), pairs.Velocity);
    }

    public override IEnumerable<(string Sampler, long Evaluations, Tensor Samples)> Samples(Tensor noise, Generator generator)
        => LikelihoodContender.FieldSamples(((IVelocityModel)field).Field(), noise);

    public override (double Nll, long Evaluations)? Likelihood(Tensor points)
    {
        using var scope = NewDisposeScope();
        var flow = new ContinuousFlow(field, new NormalBase(2));
        return (-flow.LogProb(points).mean().ToDouble(), flow.LastStatistics.Evaluations);
    }
}

/// <summary>The same network as a denoiser: DDIM's deterministic steps and the ancestral steps of DDPM.</summary>
internal sealed class DiffusionContender(MlpVelocity network, int steps, int scheduleSteps)
    : GenerativeContender("diffusion", network, steps)
{
    // Unit variance: the schedule ends at standard normal noise.
    private const double Scale = 2;
    private const double Clip = 2.5;
    private readonly GaussianDiffusion _diffusion = new(scheduleSteps);

    public override Tensor Loss(Tensor batch, Generator generator) => _diffusion.Loss(Predict, batch / Scale, generator);

    public override IEnumerable<(string Sampler, long Evaluations, Tensor Samples)> Samples(Tensor noise, Generator generator)
    {
        foreach (var count in new[] { 1, 2, 4, 10, 50 })
            yield return ($"DDIM {count}", count, _diffusion.Sample(Predict, noise, count, clip: Clip) * Scale);
        yield return ($"DDPM {scheduleSteps}", scheduleSteps, _diffusion.Sample(Predict, noise, scheduleSteps, 1, generator, Clip) * Scale);
    }

    public override (double Nll, long Evaluations)? Likelihood(Tensor points) => null;

    private Tensor Predict(Tensor x, Tensor time) => network.Velocity(x, time);
}
