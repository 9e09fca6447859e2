using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Policy gradients on a table of softmax preferences: REINFORCE, with or without a baseline, and the one-step actor-critic (Sutton and
/// Barto, sections 13.3 to 13.5). The move of the preferences is alpha gamma^t (target - value) times the gradient of the log-probability.
/// </summary>
public sealed class SoftmaxPolicyGradient
{
    private readonly double _gamma;
    private readonly double _alpha;
    private readonly double _criticAlpha;
    private readonly bool _isActorCritic;
    private readonly double[] _probabilities;
    private readonly List<Transition> _episode = [];
    private double _discount = 1;

    /// <summary>Makes the learner.</summary>
    /// <param name="states">Number of states.</param>
    /// <param name="actions">Number of actions.</param>
    /// <param name="gamma">Discount factor.</param>
    /// <param name="stepSize">Step size of the preferences.</param>
    /// <param name="criticStepSize">Step size of the state values; 0 for REINFORCE without a baseline.</param>
    /// <param name="actorCritic">Learn at every step from the TD error, instead of at the end from the returns.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count or step size is not allowed.</exception>
    public SoftmaxPolicyGradient(int states, int actions, double gamma, double stepSize, double criticStepSize = 0,
        bool actorCritic = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(states);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(actions);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stepSize);
        ArgumentOutOfRangeException.ThrowIfNegative(criticStepSize);
        (_gamma, _alpha, _criticAlpha, _isActorCritic) = (Discount.Checked(gamma), stepSize, criticStepSize, actorCritic);
        ActionCount = actions;
        Preferences = new double[states * actions];
        Values = new double[states];
        _probabilities = new double[actions];
    }

    /// <summary>Number of actions.</summary>
    public int ActionCount { get; }

    /// <summary>The preferences, [states, actions].</summary>
    public double[] Preferences { get; }

    /// <summary>The values of the baseline or critic.</summary>
    public double[] Values { get; }

    /// <summary>Number of transitions seen.</summary>
    public long Steps { get; private set; }

    /// <summary>The probabilities of the actions in a state; the next call overwrites them.</summary>
    public ReadOnlySpan<double> Policy(int state)
    {
        var row = Preferences.AsSpan(state * ActionCount, ActionCount);
        var (max, sum) = (double.NegativeInfinity, 0.0);
        foreach (var preference in row) max = Math.Max(max, preference);
        for (var a = 0; a < row.Length; a++) sum += _probabilities[a] = Math.Exp(row[a] - max);
        for (var a = 0; a < row.Length; a++) _probabilities[a] /= sum;
        return _probabilities;
    }

    /// <summary>Draws an action.</summary>
    public int Act(int state, RandomStream random) => random.ChoiceIndex(Policy(state));

    /// <summary>Tells that an episode starts.</summary>
    public void BeginEpisode()
    {
        _episode.Clear();
        _discount = 1;
    }

    /// <summary>Learns from a transition (actor-critic) or keeps it for the end of the episode (REINFORCE).</summary>
    /// <exception cref="DivergenceException">A value became infinite or not a number.</exception>
    public void Observe(in Transition t)
    {
        Steps++;
        if (!_isActorCritic)
        {
            _episode.Add(t);
            if (t.Terminated) EndEpisode();
            return;
        }
        var error = t.Reward + (t.Terminated ? 0 : _gamma * Values[t.NextState]) - Values[t.State];
        Divergence.Check(error, Steps, nameof(SoftmaxPolicyGradient));
        Values[t.State] += _criticAlpha * error;
        Push(t, _alpha * _discount * error);
        _discount *= _gamma;
    }

    /// <summary>Learns from the returns of the episode; nothing is left to do for the actor-critic.</summary>
    public void EndEpisode()
    {
        var returns = MonteCarloPrediction.Returns(_episode, _gamma);
        var discount = 1.0;
        for (var i = 0; i < returns.Length; i++)
        {
            var t = _episode[i];
            var advantage = returns[i] - Values[t.State];
            Divergence.Check(advantage, Steps - returns.Length + i + 1, nameof(SoftmaxPolicyGradient));
            Values[t.State] += _criticAlpha * advantage;
            Push(t, _alpha * discount * advantage);
            discount *= _gamma;
        }
        _episode.Clear();
    }

    /// <summary>Plays one episode and learns from it.</summary>
    public EpisodeRecord RunEpisode(IEnvironment<int, int> environment, RandomStream random, int maxSteps = int.MaxValue,
        ulong? seed = null)
    {
        environment = environment.FromZero();
        var masks = ActionMasks.Of(environment);
        var mask = new bool[masks is null ? 0 : ActionCount];
        var state = environment.ResetState(seed);
        BeginEpisode();
        var (sum, length) = (0.0, 0);
        while (length < maxSteps)
        {
            masks?.WriteActionMask(mask);
            for (var a = 0; a < mask.Length; a++)
            {
                // A preference of minus infinity is a probability of 0 for good.
                if (!mask[a]) Preferences[(state * ActionCount) + a] = double.NegativeInfinity;
            }
            var action = Act(state, random);
            var outcome = environment.Step(action, out var next);
            sum += outcome.Reward;
            length++;
            Observe(new Transition(state, action, outcome.Reward, next, outcome.Terminated));
            if (outcome.Ended) break;
            state = next;
        }
        EndEpisode();
        return new EpisodeRecord(sum, length);
    }

    private void Push(in Transition t, double size)
    {
        var policy = Policy(t.State);
        for (var a = 0; a < ActionCount; a++) Preferences[(t.State * ActionCount) + a] += size * ((a == t.Action ? 1 : 0) - policy[a]);
    }
}
