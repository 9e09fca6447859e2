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

/// <summary>
/// Epsilon-greedy behaviour: the greedy action, except for a share epsilon of uniformly random ones (which may be greedy too).
/// </summary>
[PartKind("exploration")]
[Part("epsilon-greedy", "Sutton and Barto, section 2.2")]
public record Exploration : IOptionsRecord
{
    /// <summary>The share of uniformly random actions, in [0, 1].</summary>
    public double Epsilon { get; init; } = 0.1;

    /// <summary>
    /// The strength of the exploration (epsilon; temperature or confidence of other rules) as a rule over the number of the episode, for
    /// example linear; null keeps it.
    /// </summary>
    public StepSizeRule? Schedule { get; init; }

    /// <summary>How ties are broken.</summary>
    public TieBreaking Ties { get; init; } = TieBreaking.Random;

    /// <summary>No exploration.</summary>
    public static Exploration None => new() { Epsilon = 0 };

    /// <summary>Whether it needs to know how often each action of a state was taken.</summary>
    public virtual bool CountsVisits => false;

    /// <summary>The strength without a <see cref="Schedule"/>.</summary>
    protected virtual double Strength => Epsilon;

    /// <summary>The strength in the episode with this number.</summary>
    public double At(long episode) => Schedule?.At(episode) ?? Strength;

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Epsilon, 0, 1)
        .Defined(Ties)
        .Nested(Schedule);

    /// <summary>Draws an action by the values of a state; negative infinity marks actions that are not available.</summary>
    /// <param name="values">One value for each action.</param>
    /// <param name="strength">That of <see cref="At"/>.</param>
    /// <param name="random">The stream.</param>
    /// <param name="visits">How often each action was taken here; read by rules that count only.</param>
    public virtual int Choose(ReadOnlySpan<double> values, double strength, RandomStream random, ReadOnlySpan<long> visits = default)
        => strength > 0 && random.NextDouble() < strength ? RandomAction(values, random) : Best(values, random);

    /// <summary>The probabilities behind <see cref="Choose"/>: ties share the greedy part (random ties) or the first takes it.</summary>
    public virtual void Probabilities(ReadOnlySpan<double> values, double strength, Span<double> probabilities,
        ReadOnlySpan<long> visits = default)
        => Mix(values, strength, probabilities);

    /// <summary>The best action, by the rule for ties.</summary>
    private protected int Best(ReadOnlySpan<double> values, RandomStream random) =>
        Ties == TieBreaking.Random ? Greedy.RandomMax(values, random) : Greedy.FirstMax(values);

    /// <summary>A share epsilon of all available actions, the rest of the best.</summary>
    private protected void Mix(ReadOnlySpan<double> values, double epsilon, Span<double> probabilities)
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

    /// <summary>One of the available actions.</summary>
    private protected static int RandomAction(ReadOnlySpan<double> values, RandomStream random)
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
