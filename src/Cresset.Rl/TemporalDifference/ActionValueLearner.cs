using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Choices common to the learners of action values.</summary>
public sealed record ControlOptions : IOptionsRecord
{
    /// <summary>Discount factor in [0, 1].</summary>
    public double Gamma { get; init; } = 1;

    /// <summary>Step sizes; a rule that changes counts the updates of each state and action by itself.</summary>
    public StepSizeRule StepSize { get; init; } = StepSizeRule.Constant(0.1);

    /// <summary>The behaviour, which is also the policy that Sarsa, Expected Sarsa and tree backup evaluate.</summary>
    public Exploration Exploration { get; init; } = new();

    /// <summary>Value of every state and action at the start.</summary>
    public double InitialValue { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Gamma, 0, 1)
        .Nested(StepSize)
        .Nested(Exploration)
        .Must(double.IsFinite(InitialValue), InitialValue, "a finite number");
}

/// <summary>
/// Learns the values of actions in states and acts on them (control). It can be fed from a recorded stream of transitions
/// (<see cref="BeginEpisode"/>, <see cref="Observe"/>, <see cref="EndEpisode"/>) or play by itself (<see cref="TabularControl"/>).
/// </summary>
public abstract class ActionValueLearner
{
    private readonly long[] _updates;
    private readonly double _constantStep;
    private readonly long[] _visits;
    private bool[]? _restricted;

    /// <summary>A learner for the given numbers of states and actions.</summary>
    /// <param name="states">Number of states.</param>
    /// <param name="actions">Number of actions.</param>
    /// <param name="options">Discount, step sizes, behaviour.</param>
    /// <param name="isAvailable">Which actions exist in which states; all when left out.</param>
    protected ActionValueLearner(int states, int actions, ControlOptions? options, Func<int, int, bool>? isAvailable)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(states);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(actions);
        Options = (options ?? new()).ThrowIfInvalid();
        (StateCount, ActionCount) = (states, actions);
        Values = NewTable(isAvailable);
        _updates = Options.StepSize is ConstantStepSize ? [] : new long[states * actions];
        _visits = Options.Exploration.CountsVisits ? new long[states * actions] : [];
        _constantStep = (Options.StepSize as ConstantStepSize)?.Size ?? double.NaN;
        Epsilon = Options.Exploration.At(0);
    }

    /// <summary>Number of states.</summary>
    public int StateCount { get; }

    /// <summary>Number of actions.</summary>
    public int ActionCount { get; }

    /// <summary>The choices.</summary>
    public ControlOptions Options { get; }

    /// <summary>The estimates, [StateCount, ActionCount]; negative infinity for actions that do not exist.</summary>
    public double[] Values { get; }

    /// <summary>
    /// The present strength of the exploration: the share of random actions, or the temperature or confidence of other rules.
    /// </summary>
    public double Epsilon { get; private set; }

    /// <summary>Number of transitions seen.</summary>
    public long Steps { get; private set; }

    /// <summary>Number of episodes begun.</summary>
    public long Episodes { get; private set; }

    /// <summary>Whether the target needs the next action, so that it must be chosen before the update (on-policy).</summary>
    public virtual bool NeedsNextAction => false;

    /// <summary>Discount factor.</summary>
    protected double Gamma => Options.Gamma;

    /// <summary>The estimates of a state.</summary>
    public Span<double> Row(int state) => Values.AsSpan(state * ActionCount, ActionCount);

    /// <summary>The greedy action of each state (lowest index on ties).</summary>
    public int[] GreedyActions()
    {
        var actions = new int[StateCount];
        for (var s = 0; s < StateCount; s++) actions[s] = Greedy.FirstMax(ActingRow(s));
        return actions;
    }

    /// <summary>The largest action value of each state.</summary>
    public double[] StateValues()
    {
        var values = new double[StateCount];
        for (var s = 0; s < StateCount; s++) values[s] = ActingRow(s)[Greedy.FirstMax(ActingRow(s))];
        return values;
    }

    /// <summary>Chooses an action for <paramref name="state"/>.</summary>
    /// <exception cref="InvalidOperationException">The state has no action.</exception>
    public int Act(int state, RandomStream random)
    {
        var row = ActingRow(state);
        if (row[Greedy.FirstMax(row)] == double.NegativeInfinity)
            throw new InvalidOperationException(
                $"State {state} has none of its {ActionCount} actions. A state without actions has to end the episode.");
        return Options.Exploration.Choose(row, Epsilon, random, Visits(state));
    }

    /// <summary>Tells that an episode starts.</summary>
    public void BeginEpisode(int state)
    {
        Epsilon = Options.Exploration.At(Episodes++);
        Start(state);
    }

    /// <summary>
    /// Takes the actions out of a state that its mask forbids: they are neither chosen nor count in a maximum. Later calls for the same
    /// state must bring the same mask.
    /// </summary>
    /// <param name="state">The state.</param>
    /// <param name="mask">True for every allowed action.</param>
    /// <exception cref="InvalidOperationException">The state had another mask before, or the mask allows nothing.</exception>
    public void Restrict(int state, ReadOnlySpan<bool> mask)
    {
        if (mask.Length != ActionCount)
            throw new ArgumentException($"The mask has {mask.Length} entries; there are {ActionCount} actions.", nameof(mask));
        _restricted ??= new bool[StateCount];
        var row = Row(state);
        if (_restricted[state])
        {
            for (var a = 0; a < mask.Length; a++)
            {
                if (mask[a] == double.IsNegativeInfinity(row[a]))
                    throw new InvalidOperationException(
                        $"The mask of state {state} has changed: action {a} is {(mask[a] ? "allowed" : "forbidden")} now. A table needs "
                            + $"masks that follow from the state; put what they depend on into the observation.");
            }
            return;
        }
        if (!mask.Contains(true)) throw new InvalidOperationException($"The mask of state {state} allows no action.");
        _restricted[state] = true;
        for (var a = 0; a < mask.Length; a++)
        {
            if (!mask[a]) Forbid((state * ActionCount) + a);
            // An action that was declared missing but is allowed here begins as any other.
            else if (double.IsNegativeInfinity(row[a])) Allow((state * ActionCount) + a);
        }
    }

    /// <summary>Learns from a transition.</summary>
    /// <exception cref="DivergenceException">A value became infinite or not a number.</exception>
    public void Observe(in Transition transition)
    {
        Steps++;
        if (_visits.Length > 0) _visits[(transition.State * ActionCount) + transition.Action]++;
        Learn(transition);
        var value = Values[(transition.State * ActionCount) + transition.Action];
        if (!double.IsFinite(value)) Divergence.Check(value, Steps, GetType().Name);
    }

    /// <summary>Tells that the episode is over (also when it was cut).</summary>
    public virtual void EndEpisode()
    {
    }

    /// <summary>Takes an entry out of the table.</summary>
    protected virtual void Forbid(int index) => Values[index] = double.NegativeInfinity;

    /// <summary>Puts an entry into the table with the initial value.</summary>
    protected virtual void Allow(int index) => Values[index] = Options.InitialValue;

    /// <summary>Applies one transition.</summary>
    protected abstract void Learn(in Transition t);

    /// <summary>Prepares for an episode.</summary>
    protected virtual void Start(int state)
    {
    }

    /// <summary>The values that actions are chosen by.</summary>
    protected virtual ReadOnlySpan<double> ActingRow(int state) => Row(state);

    /// <summary>A table of initial values.</summary>
    protected double[] NewTable(Func<int, int, bool>? isAvailable)
    {
        var table = new double[StateCount * ActionCount];
        for (var i = 0; i < table.Length; i++)
        {
            table[i] = isAvailable?.Invoke(i / ActionCount, i % ActionCount) ?? true ? Options.InitialValue : double.NegativeInfinity;
        }
        return table;
    }

    /// <summary>The step size of the next update of entry <paramref name="index"/>, which it counts.</summary>
    protected double NextStepSize(int index) => _updates.Length == 0 ? _constantStep : Options.StepSize.At(_updates[index]++);

    /// <summary>Probabilities of the actions under the present behaviour.</summary>
    protected void PolicyOf(int state, Span<double> probabilities) =>
        Options.Exploration.Probabilities(ActingRow(state), Epsilon, probabilities, Visits(state));

    private ReadOnlySpan<long> Visits(int state) => _visits.Length == 0 ? [] : _visits.AsSpan(state * ActionCount, ActionCount);

    /// <summary>Largest value of a state, 0 where nothing follows.</summary>
    protected double MaxValue(int state, bool terminated) => terminated ? 0 : Row(state)[Greedy.FirstMax(Row(state))];
}
