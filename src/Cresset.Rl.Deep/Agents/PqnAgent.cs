using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>PQN: rollouts of many copies, Q(lambda) returns, a few passes over them, and forgotten.</summary>
public sealed class PqnAgent : IAgent
{
    private const string Format = "pqn";

    private readonly PqnOptions _options;
    private readonly VectorEnvironment<float, int> _environments;
    private readonly QLearner _learner;
    private readonly RolloutStreams _streams;
    private readonly LearningFigures _figures = new();
    private readonly int _copies;
    private readonly int _steps;
    private readonly float[] _observations;
    private readonly int[] _actions;
    private readonly float[] _rewards;
    private readonly float[] _nextValues;
    private readonly bool[] _terminated;
    private readonly bool[] _truncated;
    private readonly float[] _returns;
    private readonly int[] _order;
    private readonly int[] _chosen;
    private readonly float[] _partObservations;
    private readonly int[] _partActions;
    private readonly float[] _partGoals;
    private float[] _values = [];

    /// <summary>An agent at the start of its first episodes.</summary>
    /// <param name="environments">Copies to learn in, with <see cref="AutoresetMode.SameStep"/>; the agent resets and steps them.</param>
    /// <param name="options">Settings.</param>
    /// <param name="seed">Fixes environments, weights, exploration and order of learning.</param>
    /// <exception cref="ArgumentException">A rollout does not divide into the minibatches, or the environments do not fit.</exception>
    /// <exception cref="InvalidOptionsException">An option is not valid.</exception>
    public PqnAgent(VectorEnvironment<float, int> environments, PqnOptions options, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(environments);
        _options = options.ThrowIfInvalid();
        ActionCount = Rollouts.ActionsOf(environments);
        ObservationSize = environments.SingleObservationSpace.Size;
        (_environments, _copies, _steps) = (environments, environments.Count, options.RolloutSteps);
        var total = _copies * _steps;
        if (total % options.Minibatches != 0) throw new ArgumentException($"A rollout of {_copies} copies and {_steps} steps has {total} transitions, which {options.Minibatches} minibatches do not divide.", nameof(options));
        var part = total / options.Minibatches;
        _streams = new RolloutStreams(seed);
        var network = new DqnOptions
        {
            Hidden = options.Hidden,
            LayerNorm = options.LayerNorm,
            Backend = options.Backend,
            Device = options.Device,
            BatchSize = part,
            Replay = new() { Capacity = part },
            Loss = ValueLoss.Squared,
            ClipNorm = options.ClipNorm,
        };
        _learner = options.Backend == NetworkBackend.Native || (options.Backend == NetworkBackend.Auto && options.Hidden.All(h => h <= 512))
            ? new NativeQLearner(ObservationSize, ActionCount, network, _streams.Weights, _streams.Noise)
            : new TorchQLearner(environments.SingleObservationSpace, ActionCount, network, _streams, null);
        (_observations, _actions, _rewards) = (new float[total * ObservationSize], new int[total], new float[total]);
        (_nextValues, _terminated, _truncated, _returns) = (new float[total], new bool[total], new bool[total], new float[total]);
        (_order, _chosen) = (new int[total], new int[_copies]);
        (_partObservations, _partActions, _partGoals) = (new float[part * ObservationSize], new int[part], new float[part]);
        Episodes = new EpisodeTracker(_copies);
        environments.Reset(seed);
    }

    /// <inheritdoc/>
    public string Algorithm => Format;

    /// <inheritdoc/>
    public long Step { get; private set; }

    /// <inheritdoc/>
    public int ObservationSize { get; }

    /// <inheritdoc/>
    public int ActionCount { get; }

    /// <inheritdoc/>
    public EpisodeTracker Episodes { get; }

    /// <summary>One rollout and what is learned from it.</summary>
    /// <exception cref="DivergenceException">A loss or gradient is no longer finite.</exception>
    public void Advance()
    {
        // Rows lie copy after copy, so that each copy's stretch is one piece in time.
        for (var t = 0; t < _steps; t++) Take(t);
        var last = Values(_environments.Observations, _copies);
        for (var i = 0; i < _copies; i++)
        {
            var end = (i * _steps) + _steps - 1;
            if (!_terminated[end] && !_truncated[end]) _nextValues[end] = Best(last, i);
        }
        for (var i = 0; i < _copies; i++)
        {
            var stretch = new Range(i * _steps, (i + 1) * _steps);
            QTargets.Lambda<float>(_rewards.AsSpan()[stretch], _nextValues.AsSpan()[stretch], _terminated.AsSpan()[stretch], _truncated.AsSpan()[stretch], (float)_options.Gamma, (float)_options.Lambda, _returns.AsSpan()[stretch]);
        }
        Learn();
    }

    /// <inheritdoc/>
    public void Act(ReadOnlySpan<float> observations, int count, Span<int> actions)
    {
        Rollouts.CheckRows(observations.Length, count, ObservationSize, actions.Length);
        var values = Values(observations, count);
        for (var i = 0; i < count; i++) actions[i] = QTargets.ArgMax<float>(values.Slice(i * ActionCount, ActionCount));
    }

    /// <inheritdoc/>
    public void Report(Action<string, double> figure)
    {
        ArgumentNullException.ThrowIfNull(figure);
        _figures.Report(figure);
        figure("exploration", _options.Exploration.At(Step));
        figure("learning_rate", _options.LearningRate.At(Step));
    }

    /// <inheritdoc/>
    public void Save(AgentState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Put("agent/format", Format);
        state.Put("agent/step", Step);
        _learner.Save(state);
        state.Put("agent/environments", _environments.Save);
        state.Put("agent/streams", _streams.Save);
        state.Put("agent/episodes", Episodes.Save);
        state.Put("agent/figures", _figures.Save);
    }

    /// <inheritdoc/>
    public void Load(AgentState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (state.Text("agent/format") != Format) throw new InvalidDataException($"The state belongs to '{state.Text("agent/format")}', not to '{Format}'.");
        _learner.Load(state);
        Step = (long)state.Number("agent/step");
        state.Get("agent/environments", _environments.Load);
        state.Get("agent/streams", _streams.Load);
        state.Get("agent/episodes", Episodes.Load);
        state.Get("agent/figures", _figures.Load);
    }

    /// <inheritdoc/>
    public void SavePolicy(AgentState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        _learner.SavePolicy(state);
    }

    /// <inheritdoc/>
    public void LoadPolicy(AgentState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        _learner.LoadPolicy(state);
    }

    /// <inheritdoc/>
    public void Dispose() => _learner.Dispose();

    private void Take(int t)
    {
        var values = Values(_environments.Observations, _copies);
        var epsilon = _options.Exploration.At(Step);
        for (var i = 0; i < _copies; i++)
        {
            var row = (i * _steps) + t;
            _environments.Observations.Slice(i * ObservationSize, ObservationSize).CopyTo(_observations.AsSpan(row * ObservationSize));
            // The value of this observation is the next value of the step before it.
            if (t > 0 && !_terminated[row - 1] && !_truncated[row - 1]) _nextValues[row - 1] = Best(values, i);
            _chosen[i] = epsilon > 0 && _streams.Exploration.NextDouble() < epsilon ? _streams.Exploration.NextInt32(ActionCount) : QTargets.ArgMax<float>(values.Slice(i * ActionCount, ActionCount));
        }
        _environments.Step(_chosen);
        for (var i = 0; i < _copies; i++)
        {
            var row = (i * _steps) + t;
            (_actions[row], _rewards[row]) = (_chosen[i], (float)_environments.Rewards[i]);
            (_terminated[row], _truncated[row]) = (_environments.Terminated[i], _environments.Truncated[i]);
            if (_truncated[row] && !_terminated[row]) _nextValues[row] = Best(Values(_environments.FinalObservations.Slice(i * ObservationSize, ObservationSize), 1), 0);
            Step++;
            Episodes.Add(i, Step, _environments.Rewards[i], _terminated[row] || _truncated[row]);
        }
    }

    private void Learn()
    {
        for (var i = 0; i < _order.Length; i++) _order[i] = i;
        var part = _partActions.Length;
        var rate = _options.LearningRate.At(Step);
        for (var epoch = 0; epoch < _options.Epochs; epoch++)
        {
            for (var i = _order.Length - 1; i > 0; i--)
            {
                var j = _streams.Replay.NextInt32(i + 1);
                (_order[i], _order[j]) = (_order[j], _order[i]);
            }
            for (var start = 0; start < _order.Length; start += part)
            {
                for (var k = 0; k < part; k++)
                {
                    var row = _order[start + k];
                    _observations.AsSpan(row * ObservationSize, ObservationSize).CopyTo(_partObservations.AsSpan(k * ObservationSize));
                    (_partActions[k], _partGoals[k]) = (_actions[row], _returns[row]);
                }
                var (loss, norm) = _learner.Regress(_partObservations, _partActions, _partGoals, rate);
                if (!double.IsFinite(loss) || !double.IsFinite(norm)) throw new DivergenceException("PQN", Step, double.IsFinite(loss) ? norm : loss);
                _figures.Add("loss", loss);
                _figures.Add("gradient_norm", norm);
            }
        }
    }

    private Span<float> Values(ReadOnlySpan<float> observations, int count)
    {
        if (_values.Length < count * ActionCount) _values = new float[count * ActionCount];
        var values = _values.AsSpan(0, count * ActionCount);
        _learner.Values(observations, count, values, noise: false);
        return values;
    }

    private float Best(ReadOnlySpan<float> values, int row)
    {
        var mine = values.Slice(row * ActionCount, ActionCount);
        return mine[QTargets.ArgMax(mine)];
    }
}
