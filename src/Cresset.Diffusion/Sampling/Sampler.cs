using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// Walks latents from noise to data. One call of <c>Step</c> follows each evaluation of the network; multistep samplers remember earlier
/// ones, so one sampler serves one run.
/// </summary>
public abstract class Sampler : IDisposable
{
    /// <summary>A sampler that walks down these levels.</summary>
    protected Sampler(NoiseTable table) => Table = table;

    /// <summary>Levels and times, one entry per evaluation: Heun repeats those it visits twice.</summary>
    public NoiseTable Table { get; }

    /// <summary>Evaluations per step.</summary>
    public virtual int EvaluationsPerStep => 1;

    /// <summary>Makes a sampler for one run.</summary>
    /// <param name="options">Which sampler.</param>
    /// <param name="schedule">Which noise levels.</param>
    /// <param name="steps">Number of steps.</param>
    /// <param name="mu">Size-dependent shift, where the schedule wants one.</param>
    public static Sampler Create(SamplerOptions options, ScheduleOptions schedule, int steps, double? mu = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        return options.Make(options.Table(schedule, steps, mu));
    }

    /// <summary>Makes a sampler for a given table.</summary>
    public static Sampler Create(SamplerOptions options, NoiseTable table)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        return options.Make(table);
    }

    /// <summary>The next latents after evaluation <paramref name="index"/>.</summary>
    /// <param name="velocity">The network's velocity at the latents.</param>
    /// <param name="index">Which evaluation, counted from 0; a run may begin later (image-to-image).</param>
    /// <param name="latents">The latents the network saw.</param>
    /// <param name="generator">Noise of the stochastic samplers.</param>
    public Tensor Step(Tensor velocity, int index, Tensor latents, Generator? generator = null) =>
        Step(velocity, index, latents, generator is null ? [] : [generator]);

    /// <summary>As above, each picture's noise from a generator of its own, so that no picture depends on its neighbours.</summary>
    /// <param name="velocity">The network's velocity at the latents.</param>
    /// <param name="index">Which evaluation.</param>
    /// <param name="latents">The latents the network saw, [N, C, h, w].</param>
    /// <param name="generators">N generators; or one for all pictures; or none, for libtorch's own.</param>
    public abstract Tensor Step(Tensor velocity, int index, Tensor latents, IReadOnlyList<Generator> generators);

    /// <summary>(1 - sigma) data + sigma noise at evaluation <paramref name="index"/>.</summary>
    public Tensor AddNoise(Tensor data, Tensor noise, int index)
    {
        using var scope = NewDisposeScope();
        double sigma = Table.Sigmas[index];
        return data.mul(1 - sigma).add_(noise * sigma).MoveToOuterDisposeScope();
    }

    /// <summary>Frees remembered evaluations.</summary>
    public void Dispose()
    {
        Forget();
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what a sampler remembers of earlier steps.</summary>
    protected virtual void Forget()
    {
    }

    private protected static double Lambda(double sigma) => Math.Log(1 - sigma) - Math.Log(sigma);

    private protected static Tensor Noise(Tensor like, IReadOnlyList<Generator> generators)
    {
        if (generators.Count < 2)
            return randn(like.shape, ScalarType.Float32, CPU, generator: generators.Count == 0 ? null : generators[0]).to(like.device);
        if (generators.Count != like.size(0))
            throw new ArgumentException($"There are {generators.Count} generators for {like.size(0)} pictures; give one, or one for each.",
                nameof(generators));
        using var scope = NewDisposeScope();
        return cat([.. generators.Select(g => randn([1, .. like.shape.Skip(1)], ScalarType.Float32, CPU, generator: g))], 0).to(like.device)
            .MoveToOuterDisposeScope();
    }
}

internal sealed class EulerSampler(NoiseTable table, bool stochastic) : Sampler(table)
{
    public override Tensor Step(Tensor velocity, int index, Tensor latents, IReadOnlyList<Generator> generators)
    {
        using var scope = NewDisposeScope();
        double now = Table.Sigmas[index], next = Table.Sigmas[index + 1];
        // The difference is taken in single precision, as the reference takes it.
        if (!stochastic) return latents.add(velocity * (double)(Table.Sigmas[index + 1] - Table.Sigmas[index])).MoveToOuterDisposeScope();
        var data = latents.sub(velocity * now);
        return data.mul(1 - next).add_(Noise(latents, generators).mul_(next)).MoveToOuterDisposeScope();
    }
}

internal sealed class HeunSampler(NoiseTable table) : Sampler(Expand(table))
{
    private Tensor? _derivative;
    private Tensor? _start;

    public override int EvaluationsPerStep => 2;

    public override Tensor Step(Tensor velocity, int index, Tensor latents, IReadOnlyList<Generator> generators)
    {
        using var scope = NewDisposeScope();
        if (_derivative is null)
        {
            double step = Table.Sigmas[index + 1] - Table.Sigmas[index];
            _derivative = velocity.clone().DetachFromDisposeScope();
            _start = latents.clone().DetachFromDisposeScope();
            return latents.add(velocity * step).MoveToOuterDisposeScope();
        }
        double whole = Table.Sigmas[index] - Table.Sigmas[index - 1];
        var next = _start!.add((_derivative + velocity) * (0.5 * whole)).MoveToOuterDisposeScope();
        Forget();
        return next;
    }

    /// <inheritdoc/>
    protected override void Forget()
    {
        _derivative?.Dispose();
        _start?.Dispose();
        (_derivative, _start) = (null, null);
    }

    // Every level but the first and the closing one is evaluated twice.
    private static NoiseTable Expand(NoiseTable table)
        => new([table.Sigmas[0], .. table.Sigmas.Skip(1).Take(table.Steps - 1).SelectMany(s => new[] { s, s }), table.Sigmas[^1]],
            [table.Times[0], .. table.Times.Skip(1).SelectMany(t => new[] { t, t })]);
}

internal sealed class StabilityDpmSampler(NoiseTable table) : Sampler(table)
{
    private Tensor? _before;

    public override Tensor Step(Tensor velocity, int index, Tensor latents, IReadOnlyList<Generator> generators)
    {
        using var scope = NewDisposeScope();
        double now = Table.Sigmas[index], next = Table.Sigmas[index + 1];
        var data = latents.sub(velocity * now);
        if (next == 0)
        {
            Forget();
            return data.MoveToOuterDisposeScope();
        }
        // Time is the negative logarithm of the noise level, as for variance-exploding models.
        var h = Math.Log(now) - Math.Log(next);
        var aim = data;
        if (_before is not null)
        {
            var r = (Math.Log(Table.Sigmas[index - 1]) - Math.Log(now)) / h;
            aim = data.mul(1 + (1 / (2 * r))).sub_(_before * (1 / (2 * r)));
        }
        var result = latents.mul(next / now).sub_(aim * (Math.Exp(-h) - 1)).MoveToOuterDisposeScope();
        Forget();
        _before = data.DetachFromDisposeScope();
        return result;
    }

    /// <inheritdoc/>
    protected override void Forget()
    {
        _before?.Dispose();
        _before = null;
    }
}
