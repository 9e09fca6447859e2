using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>
/// PQN: rollouts of many copies, Q(lambda) returns, a few passes over them, and forgotten. With a memory
/// (<see cref="PqnOptions.Memory"/>) minibatches are whole stretches of copies, and gradients go back through a rollout.
/// </summary>
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
    private readonly CopyMemories _memories;
    private readonly Stretches? _stretches;
    private readonly Stretches? _partStretches;
    private float[] _values = [];

    /// <summary>An agent at the start of its first episodes.</summary>
    /// <param name="environments">Copies to learn in, with <see cref="AutoresetMode.SameStep"/>; the agent resets and steps them.</param>
    /// <param name="options">Settings.</param>
    /// <param name="seed">Fixes environments, weights, exploration and order of learning.</param>
    /// <param name="encoder">Makes what reads observations [batch, size] into features [batch, n], instead of the built-in encoders
    /// (libtorch only); called once for each of the two networks.</param>
    /// <exception cref="ArgumentException">A rollout (with a memory: its copies) does not divide into the minibatches, or the environments
    /// do not fit.</exception>
    /// <exception cref="InvalidOptionsException">An option is not valid.</exception>
    public PqnAgent(VectorEnvironment<float, int> environments, PqnOptions options, ulong seed,
        Func<nn.Module<Tensor, Tensor>>? encoder = null)
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
        if (options.Memory > 0 && _copies % options.Minibatches != 0)
            throw new ArgumentException(
                $"With a memory whole copies are learned from: {_copies} copies do not divide into {options.Minibatches} minibatches. "
                    + $"Change agent.minibatches or training.environments.", nameof(options));
        MemoryLimits.RefuseOwnEncoder(options.Memory, encoder);
        if (encoder is not null && options.Backend == NetworkBackend.Native)
            throw new ArgumentException("An encoder of your own needs backend=torch or auto.", nameof(encoder));
        var part = total / options.Minibatches;
        var network = new DqnOptions
        {
            Encoder = options.Encoder,
            Memory = options.Memory,
            SequenceSteps = options.RolloutSteps,
            BurnIn = 0,
            Hidden = options.Hidden,
            LayerNorm = options.LayerNorm,
            Backend = options.Backend,
            Device = options.Device,
            BatchSize = part,
            Replay = new() { Capacity = part },
            Loss = ValueLoss.Squared,
            ClipNorm = options.ClipNorm,
        };
        _learner = encoder is null && options is { Encoder: ObservationEncoder.Mlp, Memory: 0 } && options.Backend.IsNative(options.Hidden)
            ? new NativeQLearner(ObservationSize, ActionCount, network, Streams.Weights, Streams.Noise)
            : new TorchQLearner(environments.SingleObservationSpace, ActionCount, network, Streams, encoder);
        (_observations, _actions, _rewards) = (new float[total * ObservationSize], new int[total], new float[total]);
        (_nextValues, _terminated, _truncated, _returns) = (new float[total], new bool[total], new bool[total], new float[total]);
        (_order, _chosen) = (new int[total], new int[_copies]);
        (_partObservations, _partActions, _partGoals) = (new float[part * ObservationSize], new int[part], new float[part]);
        _memories = new CopyMemories(_copies, options.Memory);
        if (options.Memory > 0)
        {
            Stretches Of(int rows) => new(_steps, new bool[rows], new float[rows / _steps * options.Memory]);
            (_stretches, _partStretches) = (Of(total), Of(part));
        }
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
        if (_stretches is not null) _memories.Values.CopyTo(_stretches.Memory, 0);
        // Rows lie copy after copy, so that each copy's stretch is one piece in time.
        for (var t = 0; t < _steps; t++) Take(t);
        // A look ahead: what it remembers is taken in by the next rollout's first step.
        var last = Values(Environments.Observations, _copies, [.. _memories.Values]);
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
        => Greedy(observations, count, actions, masks, []);

    /// <inheritdoc/>
    public override int MemorySize => _options.Memory;

    /// <inheritdoc/>
    public override void Act(ReadOnlySpan<float> observations, int count, Span<int> actions, ReadOnlySpan<bool> masks, Span<float> memory)
    {
        Rollouts.CheckMemory(memory.Length, count, MemorySize);
        Greedy(observations, count, actions, masks, memory);
    }

    private void Greedy(ReadOnlySpan<float> observations, int count, Span<int> actions, ReadOnlySpan<bool> masks, Span<float> memory)
    {
        Rollouts.CheckRows(observations, count, ObservationSize, actions.Length);
        Rollouts.CheckMasks(masks.Length, count, ActionCount);
        var values = Values(observations, count, memory);
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
    public override void Save(Snapshot state)
    {
        base.Save(state);
        _memories.Save(state);
    }

    /// <inheritdoc/>
    protected override void LoadAll(Snapshot state)
    {
        base.LoadAll(state);
        _memories.Load(state, Environments.Lost);
    }

    /// <inheritdoc/>
    protected override INetworkState Networks => _learner;

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, double Value)> Identity =>
    [
        .. base.Identity, ("gamma", _options.Gamma), ("rollout_steps", _steps),
        .. MemorySize > 0 ? new[] { ("memory", (double)MemorySize) } : [],
    ];

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _learner.Dispose();
        base.Dispose(disposing);
    }

    private void Take(int t)
    {
        var values = Values(Environments.Observations, _copies, _memories.Values);
        var epsilon = _options.Exploration.At(Step);
        for (var i = 0; i < _copies; i++)
        {
            var row = (i * _steps) + t;
            Environments.Observations.Slice(i * ObservationSize, ObservationSize).CopyTo(_observations.AsSpan(row * ObservationSize));
            // The value of this observation is the next value of the step before it.
            if (t > 0 && !_terminated[row - 1] && !_truncated[row - 1]) _nextValues[row - 1] = Best(values, i, Environments.Masks);
            if (_stretches is not null) _stretches.Begins[row] = _memories.Begins(i);
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
                _nextValues[row] = Best(
                    Values(Environments.FinalObservations.Slice(i * ObservationSize, ObservationSize), 1, [.. _memories.Of(i)]), 0,
                    Rollouts.Row(Environments.FinalMasks, i, _maskSize));
            _memories.Stepped(i, _terminated[row] || _truncated[row]);
            Step++;
            Episodes.Add(i, Step, Environments.RawRewards[i], _terminated[row] || _truncated[row]);
        }
    }

    private void Learn()
    {
        var part = _partActions.Length;
        var rate = _options.LearningRate.At(Step);
        if (_stretches is not null)
        {
            LearnStretches(part, rate);
            return;
        }
        for (var i = 0; i < _order.Length; i++) _order[i] = i;
        for (var epoch = 0; epoch < _options.Epochs; epoch++)
        {
            Streams.Reorder(_order);
            for (var start = 0; start < _order.Length; start += part)
            {
                for (var k = 0; k < part; k++) CopyRow(k, _order[start + k]);
                Update(rate, null);
            }
        }
    }

    private void LearnStretches(int part, double rate)
    {
        var copies = new int[_copies];
        for (var i = 0; i < _copies; i++) copies[i] = i;
        for (var epoch = 0; epoch < _options.Epochs; epoch++)
        {
            Streams.Reorder(copies);
            for (var start = 0; start < _copies; start += part / _steps)
            {
                for (var k = 0; k < part / _steps; k++)
                {
                    var copy = copies[start + k];
                    for (var t = 0; t < _steps; t++) CopyRow((k * _steps) + t, (copy * _steps) + t);
                    _stretches!.Begins.AsSpan(copy * _steps, _steps).CopyTo(_partStretches!.Begins.AsSpan(k * _steps));
                    _stretches.Memory.AsSpan(copy * MemorySize, MemorySize).CopyTo(_partStretches.Memory.AsSpan(k * MemorySize));
                }
                Update(rate, _partStretches);
            }
        }
    }

    private void CopyRow(int k, int row)
    {
        _observations.AsSpan(row * ObservationSize, ObservationSize).CopyTo(_partObservations.AsSpan(k * ObservationSize));
        (_partActions[k], _partGoals[k]) = (_actions[row], _returns[row]);
    }

    private void Update(double rate, Stretches? stretches)
    {
        var (loss, norm) = _learner.Regress(_partObservations, _partActions, _partGoals, rate, stretches);
        if (!double.IsFinite(loss) || !double.IsFinite(norm))
            throw new DivergenceException("PQN", Step, double.IsFinite(loss) ? norm : loss);
        Figures.Add("loss", loss);
        Figures.Add("gradient_norm", norm);
    }

    private Span<float> Values(ReadOnlySpan<float> observations, int count, Span<float> memory)
    {
        if (_values.Length < count * ActionCount) _values = new float[count * ActionCount];
        var values = _values.AsSpan(0, count * ActionCount);
        _learner.Values(observations, count, values, noise: false, memory);
        return values;
    }

    private float Best(ReadOnlySpan<float> values, int row, ReadOnlySpan<bool> masks)
    {
        var mine = values.Slice(row * ActionCount, ActionCount);
        return mine[QTargets.ArgMax(mine, Rollouts.Row(masks, row, _maskSize))];
    }
}
