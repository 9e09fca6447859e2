using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>How equal action values are told apart when acting.</summary>
public enum TieBreaking
{
    /// <summary>The lowest index.</summary>
    LowestIndex,

    /// <summary>A random one of the best.</summary>
    Random,
}

/// <summary>Epsilon-greedy behaviour: the greedy action, except for a share epsilon of uniformly random ones (which may be greedy too).</summary>
public sealed record Exploration : IOptionsRecord
{
    /// <summary>The share of random actions, in [0, 1]; used when there is no <see cref="Schedule"/>.</summary>
    public double Epsilon { get; init; } = 0.1;

    /// <summary>The share as a rule over the number of the episode (for example linear); null keeps <see cref="Epsilon"/>.</summary>
    public StepSizeRule? Schedule { get; init; }

    /// <summary>How ties are broken.</summary>
    public TieBreaking Ties { get; init; } = TieBreaking.Random;

    /// <summary>No exploration.</summary>
    public static Exploration None => new() { Epsilon = 0 };

    /// <summary>The share in the episode with this number.</summary>
    public double At(long episode) => Schedule?.At(episode) ?? Epsilon;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Epsilon, 0, 1)
        .Nested(Schedule);

    /// <summary>Draws an action by the values of a state; negative infinity marks actions that are not available.</summary>
    public int Choose(ReadOnlySpan<double> values, double epsilon, RandomStream random)
    {
        if (epsilon > 0 && random.NextDouble() < epsilon) return RandomAction(values, random);
        return Ties == TieBreaking.Random ? Greedy.RandomMax(values, random) : Greedy.FirstMax(values);
    }

    /// <summary>The probabilities behind <see cref="Choose"/>: ties share the greedy part (random ties) or the first takes it.</summary>
    public void Probabilities(ReadOnlySpan<double> values, double epsilon, Span<double> probabilities)
    {
        var (available, best, ties) = (0, double.NegativeInfinity, 0);
        foreach (var value in values)
        {
            if (double.IsNegativeInfinity(value)) continue;
            available++;
            if (value > best) (best, ties) = (value, 1);
            else if (value == best) ties++;
        }
        var greedyLeft = Ties == TieBreaking.Random ? ties : 1;
        for (var a = 0; a < values.Length; a++)
        {
            probabilities[a] = double.IsNegativeInfinity(values[a]) ? 0 : epsilon / available;
            if (values[a] != best) continue;
            if (Ties == TieBreaking.Random) probabilities[a] += (1 - epsilon) / ties;
            else if (greedyLeft-- > 0) probabilities[a] += 1 - epsilon;
        }
    }

    private static int RandomAction(ReadOnlySpan<double> values, RandomStream random)
    {
        var available = 0;
        foreach (var value in values) available += double.IsNegativeInfinity(value) ? 0 : 1;
        if (available == values.Length) return random.NextInt32(available);
        var pick = random.NextInt32(available);
        for (var a = 0; ; a++)
        {
            if (!double.IsNegativeInfinity(values[a]) && pick-- == 0) return a;
        }
    }
}
