using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Which target a control method with linear action values uses.</summary>
public enum LinearTarget
{
    /// <summary>The action taken next.</summary>
    Sarsa,

    /// <summary>The mean over the epsilon-greedy policy.</summary>
    ExpectedSarsa,

    /// <summary>The best next action.</summary>
    QLearning,
}

/// <summary>Choices for <see cref="SparseControl"/>.</summary>
public sealed record SparseControlOptions : IOptionsRecord
{
    /// <summary>Discount factor in [0, 1].</summary>
    public double Gamma { get; init; } = 1;

    /// <summary>Step sizes, already divided by the number of active features (0.5/8 for eight tilings).</summary>
    public StepSizeRule StepSize { get; init; } = StepSizeRule.Constant(0.5 / 8);

    /// <summary>The behaviour.</summary>
    public Exploration Exploration { get; init; } = Exploration.None;

    /// <summary>The target of one-step and trace methods.</summary>
    public LinearTarget Target { get; init; } = LinearTarget.Sarsa;

    /// <summary>Number of steps of the target (Sarsa only); 1 for one-step methods.</summary>
    public int Steps { get; init; } = 1;

    /// <summary>Trace parameter in [0, 1]; 0 without traces.</summary>
    public double Lambda { get; init; }

    /// <summary>Kind of traces.</summary>
    public TraceKind Trace { get; init; } = TraceKind.Replacing;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Gamma, 0, 1)
        .Nested(StepSize)
        .Must(Exploration is not { CountsVisits: true }, Exploration, "a rule that counts no visits: linear values have no table of states",
            field: nameof(Exploration))
        .Nested(Exploration)
        .Defined(Target)
        .Defined(Trace)
        .AtLeast(Steps, 1)
        .Within(Lambda, 0, 1)
        .Must(Steps == 1 || (Lambda == 0 && Target == LinearTarget.Sarsa), Steps, "1 with traces or with other targets than Sarsa",
            "n-step targets and traces exclude each other");
}

/// <summary>
/// Semi-gradient control with binary features: the value of an action is the sum of the weights of its active features, as tile coding
/// gives them. One-step Sarsa, Expected Sarsa and Q-learning, n-step Sarsa, Sarsa(lambda) and true online Sarsa(lambda).
/// </summary>
public sealed class SparseControl
{
    private readonly SparseControlOptions _options;
    private readonly Action<ReadOnlyMemory<float>, int, Span<int>> _features;
    private readonly int _active;
    private readonly int _actions;
    private readonly double[] _trace;
    private readonly List<int> _traced = [];
    private readonly double[] _q;
    private readonly double[] _policy;
    private readonly bool[] _mask;
    private readonly Queue<(int[] Features, double Reward)> _recent = new();
    private readonly int[][] _candidates;
    private long _updates;
    private long _episodes;
    private double _oldValue;
    private IActionMask? _masks;

    /// <summary>Makes the learner.</summary>
    /// <param name="actions">Number of actions.</param>
    /// <param name="weights">Number of features.</param>
    /// <param name="active">Number of active features of a state and action.</param>
    /// <param name="features">Writes the active features of a state and action.</param>
    /// <param name="options">The method.</param>
    public SparseControl(int actions, int weights, int active, Action<ReadOnlyMemory<float>, int, Span<int>> features,
        SparseControlOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(actions);
        _options = (options ?? new()).ThrowIfInvalid();
        (_actions, _active, _features) = (actions, active, features);
        Weights = new double[weights];
        _trace = new double[weights];
        _q = new double[actions];
        _policy = new double[actions];
        _mask = new bool[actions];
        _candidates = [.. Enumerable.Range(0, actions).Select(_ => new int[active])];
    }

    /// <summary>The weights.</summary>
    public double[] Weights { get; }

    /// <summary>Number of transitions seen.</summary>
    public long Steps => _updates;

    /// <summary>Sarsa for the mountain car of Sutton and Barto's chapter 10: eight tilings of 8 by 8 over position and velocity.</summary>
    public static SparseControl MountainCar(SparseControlOptions? options = null, int capacity = 4096)
    {
        var coder = new TileCoder(capacity, 8);
        return new SparseControl(3, capacity, 8,
            (state, action, indices) => coder.Write([8 * state.Span[0] / 1.7, 8 * state.Span[1] / 0.14], [action], indices), options);
    }

    /// <summary>Estimated value of an action.</summary>
    public double Value(ReadOnlyMemory<float> state, int action)
    {
        Span<int> indices = stackalloc int[_active];
        _features(state, action, indices);
        return Sum(indices);
    }

    /// <summary>Plays one episode of at most <paramref name="maxSteps"/> steps and learns from it.</summary>
    public EpisodeRecord RunEpisode(IEnvironment<float, int> environment, RandomStream random, int maxSteps = int.MaxValue,
        ulong? seed = null)
    {
        environment = environment.ActionsFromZero();
        _masks = ActionMasks.Of(environment);
        var epsilon = _options.Exploration.At(_episodes++);
        var observation = environment.Reset(seed);
        foreach (var i in _traced) _trace[i] = 0;
        _traced.Clear();
        _recent.Clear();
        _oldValue = 0;
        var (sum, length) = (0.0, 0);
        var action = Choose(observation, epsilon, random);
        var features = _candidates[action].ToArray();
        var nextFeatures = Array.Empty<int>();
        while (true)
        {
            var outcome = environment.Step(action, observation.AsSpan());
            sum += outcome.Reward;
            length++;
            nextFeatures = [];
            var next = 0.0;
            if (!outcome.Terminated)
            {
                action = Choose(observation, epsilon, random);
                nextFeatures = _candidates[action].ToArray();
                next = NextValue(action, epsilon);
            }
            _updates++;
            Learn(features, outcome.Reward, nextFeatures, next);
            if (outcome.Ended || length >= maxSteps) break;
            features = nextFeatures;
        }
        // A cut episode goes on in the mind of the learner: only an end of the task is worth 0.
        while (_recent.Count > 0) UpdateOldest(nextFeatures.Length == 0 ? 0 : Sum(nextFeatures));
        return new EpisodeRecord(sum, length);
    }

    /// <summary>The greedy action for a state (lowest index on ties).</summary>
    public int GreedyAction(ReadOnlyMemory<float> state)
    {
        for (var a = 0; a < _actions; a++) _q[a] = Value(state, a);
        return Greedy.FirstMax(_q);
    }

    private int Choose(float[] observation, double epsilon, RandomStream random)
    {
        for (var a = 0; a < _actions; a++)
        {
            _features(observation, a, _candidates[a]);
            _q[a] = Sum(_candidates[a]);
        }
        _masks?.WriteActionMask(_mask);
        for (var a = 0; a < _actions && _masks is not null; a++)
        {
            if (!_mask[a]) _q[a] = double.NegativeInfinity;
        }
        return _options.Exploration.Choose(_q, epsilon, random);
    }

    private double NextValue(int action, double epsilon)
    {
        switch (_options.Target)
        {
            case LinearTarget.QLearning: return _q[Greedy.FirstMax(_q)];
            case LinearTarget.ExpectedSarsa:
                _options.Exploration.Probabilities(_q, epsilon, _policy);
                return TdTarget.Mean(_policy, _q);
            default: return _q[action];
        }
    }

    private void Learn(int[] features, double reward, int[] nextFeatures, double next)
    {
        if (_options.Steps > 1)
        {
            _recent.Enqueue((features, reward));
            if (_recent.Count == _options.Steps) UpdateOldest(nextFeatures.Length == 0 ? 0 : Sum(nextFeatures));
            return;
        }
        var alpha = _options.StepSize.At(_updates - 1);
        var value = Sum(features);
        Divergence.Check(value, _updates, nameof(SparseControl));
        var error = reward + (_options.Gamma * next) - value;
        if (_options.Lambda == 0) foreach (var i in features) Weights[i] += alpha * error;
        else LearnWithTraces(features, alpha, error, value, next);
    }

    private void LearnWithTraces(int[] features, double alpha, double error, double value, double next)
    {
        var decay = _options.Gamma * _options.Lambda;
        var trueOnline = _options.Trace == TraceKind.TrueOnline;
        var push = 1.0;
        if (_options.Trace is TraceKind.Dutch or TraceKind.TrueOnline)
        {
            var overlap = 0.0;
            foreach (var i in features) overlap += _trace[i];
            push = 1 - (alpha * decay * overlap);
        }
        var kept = 0;
        for (var k = 0; k < _traced.Count; k++)
        {
            var i = _traced[k];
            // Traces far below the rest are forgotten, or every weight ever touched would be visited at each step.
            _trace[i] *= decay;
            if (_trace[i] < 1e-8) _trace[i] = 0;
            else _traced[kept++] = i;
        }
        _traced.RemoveRange(kept, _traced.Count - kept);
        foreach (var i in features)
        {
            if (_trace[i] == 0) _traced.Add(i);
            _trace[i] = _options.Trace == TraceKind.Replacing ? 1 : _trace[i] + push;
        }
        var drift = trueOnline ? value - _oldValue : 0;
        foreach (var i in _traced) Weights[i] += alpha * (error + drift) * _trace[i];
        if (!trueOnline) return;
        foreach (var i in features) Weights[i] -= alpha * drift;
        _oldValue = next;
    }

    private void UpdateOldest(double last)
    {
        var target = last;
        foreach (var (_, reward) in _recent.Reverse()) target = TdTarget.Sample(reward, _options.Gamma, target);
        var features = _recent.Dequeue().Features;
        var alpha = _options.StepSize.At(_updates - 1);
        var error = target - Sum(features);
        Divergence.Check(error, _updates, nameof(SparseControl));
        foreach (var i in features) Weights[i] += alpha * error;
    }

    private double Sum(ReadOnlySpan<int> indices)
    {
        var sum = 0.0;
        foreach (var i in indices) sum += Weights[i];
        return sum;
    }
}
