namespace Cresset.Rl;

/// <summary>
/// A finite Markov decision process as sparse rows: for every state and action the outcomes (probability, next state, reward, terminated).
/// A state without any available action is absorbing with value 0. Immutable; make one with <see cref="TransitionTableBuilder"/>.
/// </summary>
public sealed class TransitionTable
{
    private readonly int[] _offsets;
    private readonly double[] _probabilities;
    private readonly int[] _nextStates;
    private readonly double[] _rewards;
    private readonly bool[] _terminated;
    private readonly double[] _start;

    internal TransitionTable(int states, int actions, int[] offsets, double[] probabilities, int[] nextStates, double[] rewards,
        bool[] terminated, double[] start)
    {
        StateCount = states;
        ActionCount = actions;
        _offsets = offsets;
        _probabilities = probabilities;
        _nextStates = nextStates;
        _rewards = rewards;
        _terminated = terminated;
        _start = start;
    }

    /// <summary>Number of states.</summary>
    public int StateCount { get; }

    /// <summary>Number of actions.</summary>
    public int ActionCount { get; }

    /// <summary>Number of outcomes of all states and actions.</summary>
    public int OutcomeCount => _probabilities.Length;

    /// <summary>Probability of each state to be the first of an episode; all zero when the table was built without a start.</summary>
    public ReadOnlySpan<double> Start => _start;

    /// <summary>Outcomes of state s and action a are those from <c>Offsets[s * ActionCount + a]</c> up to the next offset.</summary>
    public ReadOnlySpan<int> Offsets => _offsets;

    /// <summary>Probability of each outcome.</summary>
    public ReadOnlySpan<double> Probabilities => _probabilities;

    /// <summary>State that each outcome leads to.</summary>
    public ReadOnlySpan<int> NextStates => _nextStates;

    /// <summary>Reward of each outcome.</summary>
    public ReadOnlySpan<double> Rewards => _rewards;

    /// <summary>Whether each outcome ends the episode: what follows has value 0 whatever the next state is.</summary>
    public ReadOnlySpan<bool> Terminated => _terminated;

    /// <summary>Whether <paramref name="action"/> may be taken in <paramref name="state"/>.</summary>
    public bool IsAvailable(int state, int action)
    {
        var row = (state * ActionCount) + action;
        return _offsets[row + 1] > _offsets[row];
    }

    /// <summary>Whether no action may be taken in <paramref name="state"/>.</summary>
    public bool IsAbsorbing(int state) => _offsets[(state + 1) * ActionCount] == _offsets[state * ActionCount];

    /// <summary>The outcomes of <paramref name="action"/> in <paramref name="state"/>, in the order they were added.</summary>
    public IEnumerable<TransitionOutcome> Outcomes(int state, int action)
    {
        var row = (state * ActionCount) + action;
        for (var i = _offsets[row]; i < _offsets[row + 1]; i++)
            yield return new TransitionOutcome(_probabilities[i], _nextStates[i], _rewards[i], _terminated[i]);
    }

    /// <summary>Expected reward plus <paramref name="gamma"/> times the expected value of what follows: q(s, a) for the values v.</summary>
    public double ActionValue(int state, int action, ReadOnlySpan<double> values, double gamma)
    {
        var row = (state * ActionCount) + action;
        var sum = 0.0;
        for (var i = _offsets[row]; i < _offsets[row + 1]; i++)
        {
            sum += _probabilities[i] * (_rewards[i] + (_terminated[i] ? 0 : gamma * values[_nextStates[i]]));
        }
        return sum;
    }
}

/// <summary>One thing that may happen after an action.</summary>
/// <param name="Probability">How likely it is.</param>
/// <param name="NextState">Where it leads.</param>
/// <param name="Reward">What it pays.</param>
/// <param name="Terminated">Whether the episode ends with it.</param>
public readonly record struct TransitionOutcome(double Probability, int NextState, double Reward, bool Terminated);
