using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>How a bandit learner chooses.</summary>
public enum BanditRule
{
    /// <summary>The arm with the largest estimate, except for a share epsilon of random ones.</summary>
    EpsilonGreedy,

    /// <summary>The arm with the largest estimate plus c sqrt(ln t / n); untried arms first.</summary>
    UpperConfidence,

    /// <summary>Softmax of preferences that rise with the reward's advantage over the mean (gradient bandit).</summary>
    Gradient,
}

/// <summary>Choices for <see cref="BanditLearner"/>.</summary>
public sealed record BanditOptions : IOptionsRecord
{
    /// <summary>The rule.</summary>
    public BanditRule Rule { get; init; } = BanditRule.EpsilonGreedy;

    /// <summary>Share of random arms.</summary>
    public double Epsilon { get; init; } = 0.1;

    /// <summary>Width of the confidence bound.</summary>
    public double Confidence { get; init; } = 2;

    /// <summary>Step sizes of the estimates (1/k for means), or of the preferences.</summary>
    public StepSizeRule StepSize { get; init; } = StepSizeRule.SampleMean;

    /// <summary>Estimate of every arm at the start; a large one makes even greedy learners explore.</summary>
    public double InitialValue { get; init; }

    /// <summary>Whether the gradient rule subtracts the mean reward.</summary>
    public bool HasBaseline { get; init; } = true;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Finite(InitialValue)
        .Defined(Rule)
        .Within(Epsilon, 0, 1)
        .AtLeast(Confidence, 0.0)
        .Nested(StepSize);
}

/// <summary>Learns which arm of a bandit is best (Sutton and Barto, chapter 2).</summary>
public sealed class BanditLearner
{
    private readonly BanditOptions _options;
    private readonly double[] _scores;
    private readonly long[] _counts;
    private double _meanReward;
    private long _steps;

    /// <summary>A learner for <paramref name="arms"/> arms.</summary>
    public BanditLearner(int arms, BanditOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(arms);
        _options = (options ?? new()).ThrowIfInvalid();
        Values = new double[arms];
        Array.Fill(Values, _options.InitialValue);
        _scores = new double[arms];
        _counts = new long[arms];
    }

    /// <summary>The estimates, or the preferences of the gradient rule.</summary>
    public double[] Values { get; }

    /// <summary>Chooses an arm; ties are broken at random.</summary>
    public int Act(RandomStream random)
    {
        switch (_options.Rule)
        {
            case BanditRule.UpperConfidence:
                for (var a = 0; a < Values.Length; a++)
                {
                    _scores[a] = _counts[a] == 0 ? double.PositiveInfinity
                        : Values[a] + (_options.Confidence * Math.Sqrt(Math.Log(_steps + 1) / _counts[a]));
                }
                return Greedy.RandomMax(_scores, random);
            case BanditRule.Gradient:
                Softmax();
                return random.ChoiceIndex(_scores);
            default:
                return random.NextDouble() < _options.Epsilon ? random.NextInt32(Values.Length) : Greedy.RandomMax(Values, random);
        }
    }

    /// <summary>Learns from the reward of an arm.</summary>
    public void Observe(int arm, double reward)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(arm);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(arm, Values.Length);
        if (!double.IsFinite(reward))
            throw new ArgumentOutOfRangeException(nameof(reward), reward, $"The reward of arm {arm} must be finite.");
        _steps++;
        if (_options.Rule != BanditRule.Gradient)
        {
            TdTarget.Update(ref Values[arm], reward, _options.StepSize.At(_counts[arm]++));
            return;
        }
        Softmax();
        // The baseline is the mean of all rewards, this one included.
        if (_options.HasBaseline) _meanReward += (reward - _meanReward) / _steps;
        var push = _options.StepSize.At(_steps - 1) * (reward - _meanReward);
        for (var a = 0; a < Values.Length; a++) Values[a] += push * ((a == arm ? 1 : 0) - _scores[a]);
    }

    private void Softmax()
    {
        var (max, sum) = (Values.Max(), 0.0);
        for (var a = 0; a < Values.Length; a++) sum += _scores[a] = Math.Exp(Values[a] - max);
        for (var a = 0; a < Values.Length; a++) _scores[a] /= sum;
    }
}
