namespace Cresset.Rl;

/// <summary>Collects the outcomes of a <see cref="TransitionTable"/> and checks them.</summary>
public sealed class TransitionTableBuilder
{
    private const double Tolerance = 1e-9;

    private readonly List<TransitionOutcome>[] _rows;
    private readonly double[] _start;
    private readonly int _states;
    private readonly int _actions;

    /// <summary>A table without outcomes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A count is not positive.</exception>
    public TransitionTableBuilder(int states, int actions)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(states);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(actions);
        _states = states;
        _actions = actions;
        _rows = new List<TransitionOutcome>[states * actions];
        for (var i = 0; i < _rows.Length; i++) _rows[i] = [];
        _start = new double[states];
    }

    /// <summary>Adds an outcome of <paramref name="action"/> in <paramref name="state"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A state or action is outside the table.</exception>
    /// <exception cref="ArgumentException">The probability is outside [0, 1] or the reward is not finite.</exception>
    public TransitionTableBuilder Add(int state, int action, double probability, int nextState, double reward, bool terminated = false)
    {
        CheckIndex(state, _states, nameof(state));
        CheckIndex(action, _actions, nameof(action));
        CheckIndex(nextState, _states, nameof(nextState));
        if (!(probability >= 0 && probability <= 1 + Tolerance))
            throw new ArgumentException($"State {state}, action {action}: probability {probability} is outside [0, 1].",
                nameof(probability));
        if (!double.IsFinite(reward))
            throw new ArgumentException($"State {state}, action {action}: reward {reward} is not finite.", nameof(reward));
        _rows[(state * _actions) + action].Add(new TransitionOutcome(probability, nextState, reward, terminated));
        return this;
    }

    /// <summary>Sets the probability of starting an episode in <paramref name="state"/>.</summary>
    public TransitionTableBuilder StartIn(int state, double probability = 1)
    {
        CheckIndex(state, _states, nameof(state));
        _start[state] = probability;
        return this;
    }

    /// <summary>Starts episodes in any of <paramref name="states"/>, all equally likely.</summary>
    public TransitionTableBuilder StartUniformly(IReadOnlyCollection<int> states)
    {
        foreach (var state in states) StartIn(state, 1.0 / states.Count);
        return this;
    }

    /// <summary>Makes the table.</summary>
    /// <exception cref="InvalidOperationException">The probabilities of a state and action, or of the start, do not sum to 1.</exception>
    public TransitionTable Build()
    {
        var offsets = new int[_rows.Length + 1];
        for (var i = 0; i < _rows.Length; i++)
        {
            offsets[i + 1] = offsets[i] + _rows[i].Count;
            if (_rows[i].Count == 0) continue;
            var sum = _rows[i].Sum(o => o.Probability);
            if (Math.Abs(sum - 1) > Tolerance)
                throw new InvalidOperationException(
                    $"State {i / _actions}, action {i % _actions}: the probabilities sum to {sum}, not to 1.");
        }
        var start = _start.Sum();
        if (start != 0 && Math.Abs(start - 1) > Tolerance)
            throw new InvalidOperationException($"The start probabilities sum to {start}, not to 1.");
        var all = _rows.SelectMany(r => r).ToArray();
        return new TransitionTable(
            _states,
            _actions,
            offsets,
            [.. all.Select(o => o.Probability)],
            [.. all.Select(o => o.NextState)],
            [.. all.Select(o => o.Reward)],
            [.. all.Select(o => o.Terminated)],
            [.. _start]);
    }

    private static void CheckIndex(int value, int count, string name)
    {
        if ((uint)value >= (uint)count) throw new ArgumentOutOfRangeException(name, value, $"{name} {value} is outside [0, {count - 1}].");
    }
}
