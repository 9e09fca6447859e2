using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Sarsa: the target is r + gamma q(s', a') with the action taken next.</summary>
public sealed class Sarsa(int states, int actions, ControlOptions? options = null, Func<int, int, bool>? isAvailable = null)
    : ActionValueLearner(states, actions, options, isAvailable)
{
    /// <inheritdoc/>
    public override bool NeedsNextAction => true;

    /// <inheritdoc/>
    protected override void Learn(in Transition t)
    {
        var index = (t.State * ActionCount) + t.Action;
        TdTarget.Update(ref Values[index], TdTarget.Sample(t.Reward, Gamma, t.Terminated ? 0 : Row(t.NextState)[t.NextAction]),
            NextStepSize(index));
    }
}

/// <summary>Expected Sarsa: the target is r + gamma sum_a pi(a|s') q(s', a).</summary>
public sealed class ExpectedSarsa(int states, int actions, ControlOptions? options = null, Func<int, int, bool>? isAvailable = null)
    : ActionValueLearner(states, actions, options, isAvailable)
{
    private readonly double[] _policy = new double[actions];

    /// <summary>Policy whose values are learned; the behaviour itself when null. Writes the probabilities of a state.</summary>
    public Action<int, Span<double>>? TargetPolicy { get; init; }

    /// <inheritdoc/>
    protected override void Learn(in Transition t)
    {
        var index = (t.State * ActionCount) + t.Action;
        if (!t.Terminated)
        {
            if (TargetPolicy is { } policy) policy(t.NextState, _policy);
            else PolicyOf(t.NextState, _policy);
        }
        TdTarget.Update(ref Values[index], t.Terminated ? t.Reward : TdTarget.Expected(t.Reward, Gamma, _policy, Row(t.NextState)),
            NextStepSize(index));
    }
}

/// <summary>Q-learning: the target is r + gamma max_a q(s', a), whatever is done next (Watkins 1989).</summary>
public sealed class QLearning(int states, int actions, ControlOptions? options = null, Func<int, int, bool>? isAvailable = null)
    : ActionValueLearner(states, actions, options, isAvailable)
{
    /// <inheritdoc/>
    protected override void Learn(in Transition t)
    {
        var index = (t.State * ActionCount) + t.Action;
        TdTarget.Update(ref Values[index], t.Terminated ? t.Reward : TdTarget.Greedy(t.Reward, Gamma, Row(t.NextState)),
            NextStepSize(index));
    }

    /// <summary>
    /// Plays and learns at full speed: the same draws, updates and results as <see cref="TabularControl.Run"/>, with the work of a step in
    /// one loop.
    /// Needs lowest-index ties, a constant step size and a constant epsilon.
    /// </summary>
    /// <param name="environment">A plain table environment.</param>
    /// <param name="steps">Number of steps.</param>
    /// <param name="random">Stream of the behaviour.</param>
    /// <param name="maxEpisodeSteps">Longest episode; longer ones are cut.</param>
    /// <returns>The number of episodes that ended.</returns>
    /// <exception cref="InvalidOperationException">The options are not of the simple kind.</exception>
    public long RunFast(TableEnvironment environment, long steps, RandomStream random, int maxEpisodeSteps = int.MaxValue)
    {
        if (Options.StepSize is not ConstantStepSize { Size: var alpha }
            || Options.Exploration is not { Schedule: null, Ties: TieBreaking.LowestIndex, Epsilon: var epsilon }
            || Options.Exploration.GetType() != typeof(Exploration) || environment.HasActionMask)
        {
            throw new InvalidOperationException(
                "The fast loop needs a constant step size, epsilon-greedy actions with a constant epsilon and lowest-index ties, and a "
                    + "table without missing actions; use TabularControl for the rest.");
        }
        var (gamma, actions) = (Gamma, ActionCount);
        var values = Values;
        long episodes = 0;
        var state = environment.ResetState();
        BeginEpisode(state);
        var greedy = Greedy.FirstMax(values.AsSpan(state * actions, actions));
        var length = 0;
        for (long step = 0; step < steps; step++)
        {
            var action = epsilon > 0 && random.NextDouble() < epsilon ? random.NextInt32(actions) : greedy;
            var outcome = environment.StepState(action, out var next);
            var nextRow = values.AsSpan(next * actions, actions);
            greedy = Greedy.FirstMax(nextRow);
            ref var estimate = ref values[(state * actions) + action];
            TdTarget.Update(ref estimate, outcome.Terminated ? outcome.Reward : TdTarget.Sample(outcome.Reward, gamma, nextRow[greedy]),
                alpha);
            if (next == state) greedy = Greedy.FirstMax(nextRow);
            state = next;
            if (outcome.Terminated || ++length == maxEpisodeSteps)
            {
                episodes++;
                length = 0;
                state = environment.ResetState();
                greedy = Greedy.FirstMax(values.AsSpan(state * actions, actions));
            }
        }
        foreach (var value in values)
        {
            if (double.IsNaN(value) || double.IsPositiveInfinity(value)) Divergence.Check(value, steps, nameof(QLearning));
        }
        return episodes;
    }
}

/// <summary>
/// Double Q-learning: a fair coin picks which of two tables learns; it chooses the best next action and the other table judges it (van
/// Hasselt 2010). Acts on the sum of both.
/// </summary>
public sealed class DoubleQLearning : ActionValueLearner
{
    private readonly RandomStream _coin;
    private readonly double[] _means;

    /// <summary>Makes the learner; <paramref name="coin"/> picks the table.</summary>
    public DoubleQLearning(int states, int actions, RandomStream coin, ControlOptions? options = null,
        Func<int, int, bool>? isAvailable = null)
        : base(states, actions, options, isAvailable)
    {
        SecondValues = NewTable(isAvailable);
        _means = new double[actions];
        _coin = coin;
    }

    /// <summary>The second table, [StateCount, ActionCount].</summary>
    public double[] SecondValues { get; }

    /// <inheritdoc/>
    protected override ReadOnlySpan<double> ActingRow(int state)
    {
        // The mean: a sum would choose the same action, but as a value it would be twice too large.
        for (var a = 0; a < _means.Length; a++)
            _means[a] = 0.5 * (Values[(state * ActionCount) + a] + SecondValues[(state * ActionCount) + a]);
        return _means;
    }

    /// <inheritdoc/>
    protected override void Forbid(int index) => Values[index] = SecondValues[index] = double.NegativeInfinity;

    /// <inheritdoc/>
    protected override void Allow(int index) => Values[index] = SecondValues[index] = Options.InitialValue;

    /// <inheritdoc/>
    protected override void Learn(in Transition t) => LearnInto(t, first: _coin.NextDouble() < 0.5);

    /// <summary>Learns from a transition with the coin given.</summary>
    public void LearnInto(in Transition t, bool first)
    {
        var (learning, judging) = first ? (Values, SecondValues) : (SecondValues, Values);
        var index = (t.State * ActionCount) + t.Action;
        var next = t.NextState * ActionCount;
        var target = t.Terminated ? t.Reward
            : TdTarget.Double(t.Reward, Gamma, learning.AsSpan(next, ActionCount), judging.AsSpan(next, ActionCount));
        TdTarget.Update(ref learning[index], target, NextStepSize(index));
    }
}

/// <summary>
/// Differential Sarsa for continuing tasks (Sutton and Barto, section 10.3): the target is r - mean + q(s', a'), and the mean reward moves
/// by <c>beta</c> times the error.
/// </summary>
public sealed class DifferentialSarsa(int states, int actions, double meanStepSize, ControlOptions? options = null,
    Func<int, int, bool>? isAvailable = null)
    : ActionValueLearner(states, actions, options, isAvailable)
{
    /// <summary>The estimate of the average reward a step.</summary>
    public double MeanReward { get; private set; }

    /// <inheritdoc/>
    public override bool NeedsNextAction => true;

    /// <inheritdoc/>
    protected override void Learn(in Transition t)
    {
        var index = (t.State * ActionCount) + t.Action;
        var target = t.Reward - MeanReward + (t.Terminated ? 0 : Row(t.NextState)[t.NextAction]);
        MeanReward += meanStepSize * TdTarget.Update(ref Values[index], target, NextStepSize(index));
    }
}
