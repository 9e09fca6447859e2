using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Semi-gradient Sarsa, Expected Sarsa and Q-learning with dense features: one row of weights per action, q(s, a) = w[a] . x(s).
/// </summary>
public sealed class LinearControl
{
    private readonly FeatureMap _map;
    private readonly LinearTarget _target;
    private readonly ControlOptions _options;
    private readonly double[] _scales;
    private readonly double[] _q;
    private readonly double[] _policy;
    private long _episodes;

    /// <summary>Makes the learner.</summary>
    /// <param name="actions">Number of actions.</param>
    /// <param name="map">Features of a state.</param>
    /// <param name="target">The target.</param>
    /// <param name="options">Discount, step sizes (counted over all updates), behaviour.</param>
    /// <param name="stepSizeScales">A factor of the step size for each feature (<see cref="FourierFeatures.StepSizeScales"/>); 1 when left
    /// out.</param>
    public LinearControl(int actions, FeatureMap map, LinearTarget target, ControlOptions? options = null, double[]? stepSizeScales = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(actions);
        _options = (options ?? new()).ThrowIfInvalid();
        if (_options.Exploration.CountsVisits)
            throw new ArgumentException(
                "Linear values have no table of states, so their exploration cannot count visits; use epsilon-greedy or boltzmann.",
                nameof(options));
        if (stepSizeScales is not null && stepSizeScales.Length != map.Count)
            throw new ArgumentException($"{stepSizeScales.Length} scales were given for {map.Count} features.", nameof(stepSizeScales));
        (_map, _target) = (map, target);
        _scales = stepSizeScales ?? [.. Enumerable.Repeat(1.0, map.Count)];
        Weights = new double[actions][];
        for (var a = 0; a < actions; a++) Weights[a] = new double[map.Count];
        _q = new double[actions];
        _policy = new double[actions];
    }

    /// <summary>The weights, [actions][features].</summary>
    public double[][] Weights { get; }

    /// <summary>Number of transitions seen.</summary>
    public long Steps { get; private set; }

    /// <summary>Writes the action values of a state into the returned span, which the next call overwrites.</summary>
    public ReadOnlySpan<double> Values(ReadOnlySpan<double> features)
    {
        for (var a = 0; a < _q.Length; a++) _q[a] = LinearValueLearner.Dot(Weights[a], features);
        return _q;
    }

    /// <summary>Learns from one transition between feature vectors; returns the error.</summary>
    /// <param name="features">Features of the state.</param>
    /// <param name="action">The action taken.</param>
    /// <param name="reward">The reward.</param>
    /// <param name="nextFeatures">Features of the next state; empty after the end.</param>
    /// <param name="nextAction">The action taken next, for Sarsa.</param>
    /// <param name="epsilon">The share of random actions, for Expected Sarsa.</param>
    /// <param name="nextMask">Which actions the next state allows; all when left out.</param>
    public double Observe(ReadOnlySpan<double> features, int action, double reward, ReadOnlySpan<double> nextFeatures, int nextAction,
        double epsilon = 0, ReadOnlySpan<bool> nextMask = default)
    {
        var next = 0.0;
        if (!nextFeatures.IsEmpty)
        {
            Values(nextFeatures);
            Forbid(nextMask);
            if (_target == LinearTarget.ExpectedSarsa) _options.Exploration.Probabilities(_q, epsilon, _policy);
            next = _target switch
            {
                LinearTarget.QLearning => _q[Greedy.FirstMax(_q)],
                LinearTarget.ExpectedSarsa => TdTarget.Mean(_policy, _q),
                _ => _q[nextAction],
            };
        }
        var error = reward + (_options.Gamma * next) - LinearValueLearner.Dot(Weights[action], features);
        var alpha = _options.StepSize.At(Steps++);
        Divergence.Check(error, Steps, nameof(LinearControl));
        for (var i = 0; i < features.Length; i++) Weights[action][i] += alpha * _scales[i] * error * features[i];
        return error;
    }

    /// <summary>Plays one episode and learns from it.</summary>
    /// <param name="environment">The environment.</param>
    /// <param name="scale">Turns an observation into the state that the features take (for example to the unit cube).</param>
    /// <param name="random">Stream of the behaviour.</param>
    /// <param name="maxSteps">Longest episode.</param>
    /// <param name="seed">Seed of the reset.</param>
    public EpisodeRecord RunEpisode(IEnvironment<float, int> environment, Action<ReadOnlyMemory<float>, Memory<double>> scale,
        RandomStream random, int maxSteps = int.MaxValue, ulong? seed = null)
    {
        environment = environment.ActionsFromZero();
        var masks = ActionMasks.Of(environment);
        var mask = new bool[masks is null ? 0 : _q.Length];
        var epsilon = _options.Exploration.At(_episodes++);
        var observation = environment.Reset(seed);
        var state = new double[_map.Dimensions];
        var (features, next) = (new double[_map.Count], new double[_map.Count]);
        scale(observation, state);
        _map.Write(state, features);
        var action = Choose(features, masks, mask, epsilon, random);
        var (sum, length) = (0.0, 0);
        while (true)
        {
            var outcome = environment.Step(action, observation.AsSpan());
            sum += outcome.Reward;
            length++;
            scale(observation, state);
            _map.Write(state, next);
            var nextAction = outcome.Terminated && masks is not null ? 0 : Choose(next, masks, mask, epsilon, random);
            Observe(features, action, outcome.Reward, outcome.Terminated ? [] : next, nextAction, epsilon, mask);
            if (outcome.Ended || length >= maxSteps) return new EpisodeRecord(sum, length);
            (features, next) = (next, features);
            action = nextAction;
        }
    }

    private int Choose(ReadOnlySpan<double> features, IActionMask? masks, Span<bool> mask, double epsilon, RandomStream random)
    {
        masks?.WriteActionMask(mask);
        Values(features);
        Forbid(mask);
        return _options.Exploration.Choose(_q, epsilon, random);
    }

    private void Forbid(ReadOnlySpan<bool> mask)
    {
        for (var a = 0; a < mask.Length; a++)
        {
            if (!mask[a]) _q[a] = double.NegativeInfinity;
        }
    }
}
