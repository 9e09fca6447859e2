using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Draws actions with probabilities proportional to exp(value / temperature), beside a share <see cref="Exploration.Epsilon"/> of uniformly
/// random ones.
/// </summary>
[Part("boltzmann", "Sutton and Barto, section 2.8")]
public sealed record BoltzmannExploration : Exploration
{
    /// <summary>Begins without uniformly random actions.</summary>
    public BoltzmannExploration() => Epsilon = 0;

    /// <summary>In the units of the values: far above their differences all actions are alike, far below the best is taken.</summary>
    public double Temperature { get; init; } = 1;

    /// <inheritdoc/>
    protected override double Strength => Temperature;

    /// <inheritdoc/>
    public override int Choose(ReadOnlySpan<double> values, double strength, RandomStream random, ReadOnlySpan<long> visits = default)
    {
        ArgumentNullException.ThrowIfNull(random);
        if (Epsilon > 0 && random.NextDouble() < Epsilon) return RandomAction(values, random);
        Span<double> probabilities = values.Length <= 256 ? stackalloc double[values.Length] : new double[values.Length];
        Softmax(values, strength, probabilities);
        var draw = random.NextDouble();
        var last = 0;
        for (var a = 0; a < values.Length; a++)
        {
            if (probabilities[a] == 0) continue;
            last = a;
            draw -= probabilities[a];
            if (draw < 0) break;
        }
        return last;
    }

    /// <inheritdoc/>
    public override void Probabilities(ReadOnlySpan<double> values, double strength, Span<double> probabilities,
        ReadOnlySpan<long> visits = default)
    {
        Softmax(values, strength, probabilities);
        if (Epsilon == 0) return;
        var available = values.Length - values.Count(double.NegativeInfinity);
        for (var a = 0; a < values.Length; a++)
            probabilities[a] = double.IsNegativeInfinity(values[a]) ? 0 : (Epsilon / available) + ((1 - Epsilon) * probabilities[a]);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => [.. base.Validate(), .. new OptionChecks().Positive(Temperature)];

    private static void Softmax(ReadOnlySpan<double> values, double temperature, Span<double> probabilities)
    {
        // A schedule may cool down to 0: the smallest positive temperature then takes the best.
        temperature = Math.Max(temperature, double.Epsilon);
        var (best, sum) = (double.NegativeInfinity, 0.0);
        foreach (var value in values) best = Math.Max(best, value);
        for (var a = 0; a < values.Length; a++)
        {
            // The best has exactly 1, also where the quotient of the others overflows.
            probabilities[a] = values[a] == best ? 1 : Math.Exp((values[a] - best) / temperature);
            sum += probabilities[a];
        }
        for (var a = 0; a < values.Length; a++) probabilities[a] /= sum;
    }
}
