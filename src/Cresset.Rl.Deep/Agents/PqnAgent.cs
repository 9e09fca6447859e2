using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>PQN: rollouts of many copies, Q(lambda) returns, a few passes over them, and forgotten.</summary>
public sealed class PqnAgent : RolloutAgent<int>, IAgent
{
    private const string Format = "pqn";

    private readonly PqnOptions _options;
    private readonly QLearner _learner;
    private readonly int _copies;
    private readonly int _steps;
    private readonly int _start;
    private readonly int _maskSize;
    private readonly int[] _taken;
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
        : base(environments, seed)
    {
        _options = options.ThrowIfInvalid();
        var space = Rollouts.ActionsOf(environments);
        (ActionCount, _start, _maskSize) = (space.Count, space.Start, environments.Masks.IsEmpty ? 0 : environments.MaskSize);
        _taken = new int[environments.Count];
        (_copies, _steps) = (environments.Count, options.RolloutSteps);
        var total = _copies * _steps;
        if (total % options.Minibatches != 0)
            throw new ArgumentException(
                $"A rollout of {_copies} copies and {_steps} steps has {total} transitions, which {options.Minibatches} minibatches do not "
                    + $"divide.", nameof(options));
        var part = total / options.Minibatches;
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
        _learner = options.Backend.IsNative(options.Hidden)
            ? new NativeQLearner(ObservationSize, ActionCount, network, Streams.Weights, Streams.Noise)
            : new TorchQLearner(environments.SingleObservationSpace, ActionCount, network, Streams, null);
        (_observations, _actions, _rewards) = (new float[total * ObservationSize], new int[total], new float[total]);
        (_nextValues, _terminated, _truncated, _returns) = (new float[total], new bool[total], new bool[total], new float[total]);
        (_order, _chosen) = (new int[total], new int[_copies]);
        (_partObservations, _partActions, _partGoals) = (new float[part * ObservationSize], new int[part], new float[part]);
        environments.Reset(seed);
    }

    /// <inheritdoc/>
    public override string Algorithm => Format;

    /// <inheritdoc/>
    public int ActionCount { get; }

    /// <summary>One rollout and what is learned from it.</summary>
    /// <exception cref="DivergenceException">A loss or gradient is no longer finite.</exception>
    public override void Advance()
    {
        // Rows lie copy after copy, so that each copy's stretch is one piece in time.
        for (var t = 0; t < _steps; t++) Take(t);
        var last = Values(Environments.Observations, _copies);
        for (var i = 0; i < _copies; i++)
        {
            var end = (i * _steps) + _steps - 1;
            if (!_terminated[end] && !_truncated[end]) _nextValues[end] = Best(last, i, Environments.Masks);
        }
        for (var i = 0; i < _copies; i++)
        {
            var stretch = new Range(i * _steps, (i + 1) * _steps);
            QTargets.Lambda<float>(_rewards.AsSpan()[stretch], _nextValues.AsSpan()[stretch], _terminated.AsSpan()[stretch],
                _truncated.AsSpan()[stretch], (float)_options.Gamma, (float)_options.Lambda, _returns.AsSpan()[stretch]);
        }
        Learn();
    }

    /// <inheritdoc/>
    public override void Act(ReadOnlySpan<float> observations, int count, Span<int> actions, ReadOnlySpan<bool> masks = default)
    {
        Rollouts.CheckRows(observations, count, ObservationSize, actions.Length);
        Rollouts.CheckMasks(masks.Length, count, ActionCount);
        var values = Values(observations, count);
        for (var i = 0; i < count; i++)
            actions[i] = _start + QTargets.ArgMax<float>(values.Slice(i * ActionCount, ActionCount), Rollouts.Row(masks, i, ActionCount));
    }

    /// <inheritdoc/>
    public override void Report(Action<string, double> figure)
    {
        base.Report(figure);
        figure("exploration", _options.Exploration.At(Step));
        figure("learning_rate", _options.LearningRate.At(Step));
    }

    /// <inheritdoc/>
    protected override INetworkState Networks => _learner;

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, double Value)> Identity =>
        [.. base.Identity, ("gamma", _options.Gamma), ("rollout_steps", _steps)];

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _learner.Dispose();
        base.Dispose(disposing);
    }

    private void Take(int t)
    {
        var values = Values(Environments.Observations, _copies);
        var epsilon = _options.Exploration.At(Step);
        for (var i = 0; i < _copies; i++)
        {
            var row = (i * _steps) + t;
            Environments.Observations.Slice(i * ObservationSize, ObservationSize).CopyTo(_observations.AsSpan(row * ObservationSize));
            // The value of this observation is the next value of the step before it.
            if (t > 0 && !_terminated[row - 1] && !_truncated[row - 1]) _nextValues[row - 1] = Best(values, i, Environments.Masks);
            var mask = Rollouts.Row(Environments.Masks, i, _maskSize);
            _chosen[i] = epsilon > 0 && Streams.Exploration.NextDouble() < epsilon
                ? Rollouts.Random(Streams.Exploration, ActionCount, mask)
                : QTargets.ArgMax<float>(values.Slice(i * ActionCount, ActionCount), mask);
            _taken[i] = _chosen[i] + _start;
        }
        Environments.Step(_taken);
        for (var i = 0; i < _copies; i++)
        {
            var row = (i * _steps) + t;
            (_actions[row], _rewards[row]) = (_chosen[i], (float)Environments.Rewards[i]);
            (_terminated[row], _truncated[row]) = (Environments.Terminated[i], Environments.Truncated[i]);
            if (_truncated[row] && !_terminated[row])
                _nextValues[row] = Best(Values(Environments.FinalObservations.Slice(i * ObservationSize, ObservationSize), 1), 0,
                    Rollouts.Row(Environments.FinalMasks, i, _maskSize));
            Step++;
            Episodes.Add(i, Step, Environments.RawRewards[i], _terminated[row] || _truncated[row]);
        }
    }

    private void Learn()
    {
        for (var i = 0; i < _order.Length; i++) _order[i] = i;
        var part = _partActions.Length;
        var rate = _options.LearningRate.At(Step);
        for (var epoch = 0; epoch < _options.Epochs; epoch++)
        {
            Streams.Reorder(_order);
            for (var start = 0; start < _order.Length; start += part)
            {
                for (var k = 0; k < part; k++)
                {
                    var row = _order[start + k];
                    _observations.AsSpan(row * ObservationSize, ObservationSize).CopyTo(_partObservations.AsSpan(k * ObservationSize));
                    (_partActions[k], _partGoals[k]) = (_actions[row], _returns[row]);
                }
                var (loss, norm) = _learner.Regress(_partObservations, _partActions, _partGoals, rate);
                if (!double.IsFinite(loss) || !double.IsFinite(norm))
                    throw new DivergenceException("PQN", Step, double.IsFinite(loss) ? norm : loss);
                Figures.Add("loss", loss);
                Figures.Add("gradient_norm", norm);
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

    private float Best(ReadOnlySpan<float> values, int row, ReadOnlySpan<bool> masks)
    {
        var mine = values.Slice(row * ActionCount, ActionCount);
        return mine[QTargets.ArgMax(mine, Rollouts.Row(masks, row, _maskSize))];
    }
}
