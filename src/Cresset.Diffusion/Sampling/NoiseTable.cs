using Cresset.Numerics;

namespace Cresset.Diffusion;

/// <summary>Noise levels from 1 (noise) down to 0 (data) and the time the network is told at each.</summary>
public sealed class NoiseTable
{
    /// <summary>Makes a table of levels (the last is where sampling ends, usually 0) and one time fewer.</summary>
    public NoiseTable(IReadOnlyList<float> sigmas, IReadOnlyList<float> times)
    {
        ArgumentNullException.ThrowIfNull(sigmas);
        ArgumentNullException.ThrowIfNull(times);
        if (sigmas.Count < 2 || times.Count != sigmas.Count - 1)
            throw new ArgumentException(
                $"A table needs at least two noise levels and one time fewer; got {sigmas.Count} levels and {times.Count} times.",
                nameof(times));
        (Sigmas, Times) = (sigmas, times);
    }

    /// <summary>Noise levels, one more than <see cref="Times"/>.</summary>
    public IReadOnlyList<float> Sigmas { get; }

    /// <summary>Times for the network, 0..1000.</summary>
    public IReadOnlyList<float> Times { get; }

    /// <summary>Number of steps.</summary>
    public int Steps => Times.Count;

    /// <summary>SD3's table for flow matching.</summary>
    /// <param name="options">Shift and spacing.</param>
    /// <param name="steps">Number of steps, at least 1.</param>
    /// <param name="mu">Size-dependent shift; required when <see cref="ScheduleOptions.Dynamic"/> is set (see
    /// <see cref="ScheduleOptions.Mu"/>).</param>
    public static NoiseTable FlowMatch(ScheduleOptions options, int steps, double? mu = null)
    {
        Check(options, steps);
        var unshifted = options.Dynamic != DynamicShift.None || options.ShiftOnce;
        // The ends lie in the training table, which is already shifted unless the shift depends on the size.
        double last = 1.0 / options.TrainingSteps;
        double first = 1, end = unshifted ? (float)last : (float)Shift((float)last, options.Shift);
        return Finish(options, [.. Line(first, end, steps)], mu);
    }

    /// <summary>A table of given noise levels (without the closing 0), shifted once.</summary>
    public static NoiseTable Custom(ScheduleOptions options, IReadOnlyList<double> sigmas, double? mu = null)
    {
        ArgumentNullException.ThrowIfNull(sigmas);
        Check(options, sigmas.Count);
        if (sigmas.Any(s => !(s > 0 && s <= 1)) || sigmas.Zip(sigmas.Skip(1)).Any(p => p.First <= p.Second))
            throw new ArgumentException("Noise levels must fall from at most 1 and stay above 0.", nameof(sigmas));
        return Finish(options, [.. sigmas], mu);
    }

    /// <summary>The table diffusers' DPM-Solver uses for flow models: whole times, ends at the shift of 1/steps.</summary>
    public static NoiseTable DpmSolver(ScheduleOptions options, int steps)
    {
        Check(options, steps);
        double[] sigmas = [.. Line(1, 1.0 / options.TrainingSteps, steps + 1).Select(a => Shift(1 - a, options.Shift)).Reverse()
            .Take(steps)];
        return new NoiseTable([.. sigmas.Select(s => (float)s), 0f], [.. sigmas.Select(s => (float)(long)(s * options.TrainingSteps))]);
    }

    /// <summary>The table diffusers' UniPC uses for flow models: whole times, the first level just below 1.</summary>
    public static NoiseTable UniPc(ScheduleOptions options, int steps)
    {
        Check(options, steps);
        double[] sigmas = [.. Line(1, 1.0 / options.TrainingSteps, steps + 1).Take(steps).Select(s => Shift(s, options.Shift))];
        if (Math.Abs(sigmas[0] - 1) < 1e-6) sigmas[0] -= 1e-6;
        return new NoiseTable([.. sigmas.Select(s => (float)s), 0f], [.. sigmas.Select(s => (float)(long)(s * options.TrainingSteps))]);
    }

    /// <summary>Training times in falling order: entry i is the shifted (1000 - i) / 1000, times 1000.</summary>
    public static float[] Training(ScheduleOptions options)
    {
        Check(options, 1);
        return [.. Enumerable.Range(0, options.TrainingSteps).Select(i =>
        {
            var sigma = (float)(options.TrainingSteps - i) / options.TrainingSteps;
            return (options.Dynamic == DynamicShift.None ? (float)Shift(sigma, options.Shift) : sigma) * options.TrainingSteps;
        })];
    }

    /// <summary>First step of image-to-image: strength 1 starts at pure noise, 0 leaves nothing to do.</summary>
    public static int StartStep(int steps, double strength)
    {
        if (!(strength >= 0 && strength <= 1))
            throw new ArgumentOutOfRangeException(nameof(strength), strength,
                "The strength must lie between 0 (keep the picture) and 1 (ignore it).");
        return (int)Math.Max(steps - Math.Min(steps * strength, steps), 0);
    }

    internal static double Shift(double sigma, double shift) => shift * sigma / (1 + ((shift - 1) * sigma));

    private static void Check(ScheduleOptions options, int steps)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        if (steps < 1)
            throw new ArgumentOutOfRangeException(nameof(steps), steps,
                "At least one step is needed; 28 is usual for SD3, 4 for the turbo model.");
    }

    private static IEnumerable<double> Line(double first, double last, int count)
        => Enumerable.Range(0, count)
            .Select(i => count == 1 ? first : i == count - 1 ? last : first + (i * ((last - first) / (count - 1))));

    private static NoiseTable Finish(ScheduleOptions options, double[] sigmas, double? mu)
    {
        if (options.Dynamic != DynamicShift.None)
        {
            var m = mu
                ?? throw new ArgumentNullException(nameof(mu),
                    "A shift that depends on the size needs mu: ScheduleOptions.Mu(image tokens).");
            var factor = options.Dynamic == DynamicShift.Exponential ? Math.Exp(m) : m;
            sigmas = Array.ConvertAll(sigmas, s => factor / (factor + (1 / s) - 1));
        }
        else
        {
            sigmas = Array.ConvertAll(sigmas, s => Shift(s, options.Shift));
        }
        if (options.Terminal is { } terminal)
        {
            var stretch = (1 - sigmas[^1]) / (1 - terminal);
            sigmas = Array.ConvertAll(sigmas, s => 1 - ((1 - s) / stretch));
        }
        sigmas = Space(options.Spacing, sigmas);
        float[] single = [.. sigmas.Select(s => (float)s)];
        return new NoiseTable([.. single, 0f], [.. single.Select(s => s * options.TrainingSteps)]);
    }

    private static double[] Space(NoiseSpacing spacing, double[] sigmas)
    {
        double high = sigmas[0], low = sigmas[^1];
        const double rho = 7;
        return spacing switch
        {
            NoiseSpacing.Karras =>
                [.. Line(0, 1, sigmas.Length)
                    .Select(r => Math.Pow(Math.Pow(high, 1 / rho) + (r * (Math.Pow(low, 1 / rho) - Math.Pow(high, 1 / rho))), rho))],
            NoiseSpacing.Exponential => [.. Line(Math.Log(high), Math.Log(low), sigmas.Length).Select(Math.Exp)],
            NoiseSpacing.Beta => [.. Line(0, 1, sigmas.Length).Select(r => low + (BetaQuantile.Of(1 - r, 0.6, 0.6) * (high - low)))],
            _ => sigmas,
        };
    }
}
