namespace Cresset.Rl;

/// <summary>
/// Monte Carlo control: action values move towards whole returns and the behaviour is greedy (or epsilon-greedy) on them. Use
/// <see cref="ControlOptions.StepSize"/> 1/k for means.
/// </summary>
public sealed class MonteCarloControl : ActionValueLearner
{
    private readonly bool _firstVisit;
    private readonly List<Transition> _episode = [];

    /// <summary>Makes the learner.</summary>
    /// <param name="states">Number of states.</param>
    /// <param name="actions">Number of actions.</param>
    /// <param name="options">Discount, step sizes, behaviour.</param>
    /// <param name="firstVisit">Count only the first visit of a pair in an episode.</param>
    /// <param name="isAvailable">Which actions exist; all when left out.</param>
    public MonteCarloControl(int states, int actions, ControlOptions? options = null, bool firstVisit = false,
        Func<int, int, bool>? isAvailable = null)
        : base(states, actions, options, isAvailable)
        => _firstVisit = firstVisit;

    /// <inheritdoc/>
    public override void EndEpisode()
    {
        var returns = MonteCarloPrediction.Returns(_episode, Gamma);
        var seen = new HashSet<int>();
        for (var i = 0; i < returns.Length; i++)
        {
            var index = (_episode[i].State * ActionCount) + _episode[i].Action;
            if (_firstVisit && !seen.Add(index)) continue;
            TdTarget.Update(ref Values[index], returns[i], NextStepSize(index));
        }
        _episode.Clear();
    }

    /// <inheritdoc/>
    protected override void Start(int state) => _episode.Clear();

    /// <inheritdoc/>
    protected override void Learn(in Transition t) => _episode.Add(t);
}

/// <summary>
/// Off-policy Monte Carlo control with weighted importance sampling (Sutton and Barto, section 5.7): learns the greedy policy from any soft
/// behaviour; an episode teaches only back to its last action that was not greedy.
/// </summary>
public sealed class OffPolicyMonteCarloControl(int states, int actions, ControlOptions? options = null,
    Func<int, int, bool>? isAvailable = null)
    : ActionValueLearner(states, actions, options, isAvailable)
{
    private readonly List<Transition> _episode = [];
    private readonly double[] _weights = new double[states * actions];

    /// <summary>Probability with which the behaviour took an action; epsilon-greedy on the present values when null.</summary>
    public Func<int, int, double>? BehaviourProbability { get; init; }

    /// <inheritdoc/>
    public override void EndEpisode()
    {
        var policy = new double[ActionCount];
        var (sum, weight) = (0.0, 1.0);
        for (var i = _episode.Count - 1; i >= 0; i--)
        {
            var t = _episode[i];
            var index = (t.State * ActionCount) + t.Action;
            // The behaviour is the one that acted: its probabilities must be taken before this value moves.
            PolicyOf(t.State, policy);
            sum = t.Reward + (Gamma * sum);
            _weights[index] += weight;
            TdTarget.Update(ref Values[index], sum, weight / _weights[index]);
            if (Greedy.FirstMax(Row(t.State)) != t.Action) break;
            weight /= BehaviourProbability?.Invoke(t.State, t.Action) ?? policy[t.Action];
        }
        _episode.Clear();
    }

    /// <inheritdoc/>
    protected override void Start(int state) => _episode.Clear();

    /// <inheritdoc/>
    protected override void Learn(in Transition t) => _episode.Add(t);
}
