using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>The DQN family: acts, stores, replays. All variants are switches of <see cref="DqnOptions"/>.</summary>
public sealed class DqnAgent : RolloutAgent<int>, IAgent
{
    private const string Format = "dqn";

    private readonly DqnOptions _options;
    private readonly ReplayBuffer _replay;
    private readonly ReplayBatch _batch;
    private readonly QLearner _learner;
    private readonly float[] _errors;
    private readonly int _start;
    private readonly ChoiceSteps _steps;
    private readonly Stretches? _stretches;
    private float[] _values = [];

    /// <summary>An agent at the start of its first episodes.</summary>
    /// <param name="environments">Copies to learn in, with <see cref="AutoresetMode.SameStep"/>; the agent resets and steps them.</param>
    /// <param name="options">Which variant.</param>
    /// <param name="seed">Fixes environments, weights, exploration and replay.</param>
    /// <param name="encoder">Makes what reads observations [batch, size] into features [batch, n], instead of the built-in encoders
    /// (libtorch only); called once for each of the two networks.</param>
    /// <exception cref="ArgumentException">The environments reset otherwise, or their actions are not a single choice.</exception>
    /// <exception cref="InvalidOptionsException">An option is not valid.</exception>
    public DqnAgent(VectorEnvironment<float, int> environments, DqnOptions options, ulong seed,
        Func<nn.Module<Tensor, Tensor>>? encoder = null)
        : base(environments, seed)
    {
        _options = options.ThrowIfInvalid();
        var space = Rollouts.ActionsOf(environments);
        (ActionCount, _start) = (space.Count, space.Start);
        MemoryLimits.RefuseOwnEncoder(options.Memory, encoder);
        var isNative = encoder is null && options is { Memory: 0, Encoder: ObservationEncoder.Mlp, Values: not ValueKind.Implicit }
            && options.Backend.IsNative(options.Hidden);
        if (encoder is not null && options.Backend == NetworkBackend.Native)
            throw new ArgumentException("An encoder of your own needs backend=torch or auto.", nameof(encoder));
        _learner = isNative
            ? new NativeQLearner(ObservationSize, ActionCount, options, Streams.Weights, Streams.Noise)
            : new TorchQLearner(environments.SingleObservationSpace, ActionCount, options, Streams, encoder);
        var maskSize = environments.Masks.IsEmpty ? 0 : environments.MaskSize;
        _replay = new ReplayBuffer(options.Replay, ObservationSize, environments.Count, options.Gamma, maskSize: maskSize,
            goals: environments.Goals, actionSize: 1, memorySize: options.Memory);
        var rows = options.BatchSize;
        _steps = new ChoiceSteps(environments, _replay, maskSize, options.Memory);
        if (options.Memory > 0)
        {
            var (count, steps) = (options.BatchSize / options.SequenceSteps, options.SequenceSteps + options.BurnIn);
            MemoryChecks.RefuseShortReplay(options.Replay, _replay.Capacity / environments.Count, steps);
            rows = count * steps;
            _stretches = new Stretches(steps, new bool[rows], new float[count * options.Memory]);
        }
        _batch = new ReplayBatch(rows, ObservationSize, maskSize: maskSize);
        _errors = new float[options.BatchSize];
        environments.Reset(seed);
        if (options.Noisy) _learner.DrawNoise();
        if (options.Replay.Data is { } file)
        {
            OfflineData.Fill(_replay, environments, file, (replay, data, row, outcome) => replay.Add(
                0, data.Observations.AsSpan(row * ObservationSize, ObservationSize), (int)data.Actions[row] - _start, outcome,
                data.NextObservations.AsSpan(row * ObservationSize, ObservationSize)));
        }
    }

    /// <inheritdoc/>
    public override string Algorithm => Format;

    /// <summary>Gradient steps so far.</summary>
    public long Updates { get; private set; }

    /// <inheritdoc/>
    public int ActionCount { get; }

    /// <summary>The experience.</summary>
    public ReplayBuffer Replay => _replay;

    /// <summary>Whether managed vector code carries the network (otherwise libtorch).</summary>
    public bool IsNative => _learner is NativeQLearner;

    /// <inheritdoc/>
    public override void Advance()
    {
        var first = Step + 1;
        if (_options.Replay.Offline)
        {
            Step += Environments.Count;
        }
        else
        {
            Choose();
            Step = _steps.Take(Step, Episodes);
        }
        // With several copies a round may pass several due dates; each is kept.
        if (Step > _options.LearningStarts && _replay.Count >= _options.BatchSize && _replay.Turns >= (_stretches?.Steps ?? 0))
        {
            for (var due = Dates(first, _options.TrainEvery); due > 0; due--)
            {
                for (var update = 0; update < _options.UpdatesPerTraining; update++) Learn();
            }
        }
        if (Dates(first, _options.TargetEvery) > 0) _learner.FollowTarget(_options.TargetShare);
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
        var values = Values(count);
        _learner.Values(observations, count, values, noise: false, memory);
        for (var i = 0; i < count; i++)
            actions[i] = _start + QTargets.ArgMax<float>(values.Slice(i * ActionCount, ActionCount), Rollouts.Row(masks, i, ActionCount));
    }

    /// <summary>Mean action values without noise; with a memory those of first steps.</summary>
    /// <param name="observations">[count, ObservationSize].</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="values">Receives [count, ActionCount].</param>
    public void ActionValues(ReadOnlySpan<float> observations, int count, Span<float> values)
    {
        Rollouts.CheckRows(observations, count, ObservationSize, values.Length / Math.Max(1, ActionCount));
        _learner.Values(observations, count, values, noise: false);
    }

    /// <inheritdoc/>
    public override void Report(Action<string, double> figure)
    {
        base.Report(figure);
        figure("exploration", Step < _options.LearningStarts ? 1 : _options.Exploration.At(Step));
        figure("learning_rate", _options.LearningRate.At(Step));
        if (_replay.Count == 0) return;
        // Early warnings: values beyond reach, actions that no longer differ, a buffer that holds failures alone.
        var (highest, gap) = (double.NegativeInfinity, 0.0);
        var values = Values(Environments.Count);
        // A look ahead, which is not remembered.
        _learner.Values(Environments.Observations, Environments.Count, values, noise: false, [.. _steps.Memories.Values]);
        for (var i = 0; i < Environments.Count; i++)
        {
            var row = values.Slice(i * ActionCount, ActionCount);
            var (best, second) = (float.NegativeInfinity, float.NegativeInfinity);
            foreach (var value in row) (best, second) = value > best ? (value, best) : (best, MathF.Max(second, value));
            highest = Math.Max(highest, best);
            gap += ActionCount > 1 ? (best - second) / Environments.Count : 0;
        }
        figure("value", highest);
        figure("action_gap", gap);
        figure("terminated_share", _replay.TerminatedShare);
    }

    /// <inheritdoc/>
    public override void Save(Snapshot state)
    {
        base.Save(state);
        state.Put("agent/updates", Updates);
        _steps.Memories.Save(state);
        _replay.Save(state);
    }

    /// <inheritdoc/>
    protected override void LoadAll(Snapshot state)
    {
        base.LoadAll(state);
        Updates = (long)state.Number("agent/updates");
        _steps.Memories.Load(state, Environments.Lost);
        _replay.Load(state);
    }

    internal QLearner Learner => _learner;

    /// <inheritdoc/>
    protected override INetworkState Networks => _learner;

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, double Value)> Identity =>
    [
        .. base.Identity, ("gamma", _options.Gamma), ("replay.n_step", _options.Replay.NStep), ("replay.capacity", _replay.Capacity),
        ("replay.frames", _options.Replay.Frames),
        ("replay.storage", (int)_options.Replay.Storage), ("replay.prioritized", _options.Replay.Prioritized ? 1 : 0),
        ("munchausen", _options.Munchausen ? 1 : 0),
        .. MemorySize > 0 ? new[] { ("memory", (double)MemorySize) } : [],
    ];

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, double Value)> PolicyIdentity => _options.Values == ValueKind.Categorical
        ? [("values", (int)_options.Values), ("atoms", _options.Atoms), ("minimum_value", _options.MinimumValue),
            ("maximum_value", _options.MaximumValue)]
        : [("values", (int)_options.Values), ("atoms", _options.Atoms)];

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _learner.Dispose();
            _replay.Dispose();
        }
        base.Dispose(disposing);
    }

    private void Choose()
    {
        var epsilon = Step < _options.LearningStarts ? 1 : _options.Exploration.At(Step);
        var greedy = false;
        var actions = _steps.Actions;
        for (var i = 0; i < actions.Length; i++)
        {
            var isRandom = epsilon > 0 && Streams.Exploration.NextDouble() < epsilon;
            actions[i] = isRandom ? _steps.Random(i, Streams.Exploration) : -1;
            greedy |= !isRandom;
        }
        // What is seen is remembered, whatever is done then.
        if (!greedy && MemorySize == 0) return;
        _steps.KeepMemories();
        var values = Values(actions.Length);
        _learner.Values(Environments.Observations, actions.Length, values, noise: true, _steps.Memories.Values);
        for (var i = 0; i < actions.Length; i++)
        {
            if (actions[i] < 0) actions[i] = QTargets.ArgMax<float>(values.Slice(i * ActionCount, ActionCount), _steps.Mask(i));
        }
    }

    private void Learn()
    {
        if (_stretches is null) _replay.Sample(_batch, Streams.Replay, _options.Replay.Beta.At(Step));
        else _replay.Sample(_batch, _stretches, Streams.Replay);
        if (_options.Noisy) _learner.DrawNoise();
        var (loss, norm) = _learner.Update(_batch, _options.LearningRate.At(Step), _errors, _stretches);
        Updates++;
        if (!double.IsFinite(loss) || !double.IsFinite(norm))
            throw new DivergenceException("DQN", Step, double.IsFinite(loss) ? norm : loss);
        if (_stretches is null) _replay.UpdatePriorities(_batch, _errors);
        Figures.Add("loss", loss);
        Figures.Add("gradient_norm", norm);
    }

    private long Dates(long first, int every) => (Step / every) - ((first - 1) / every);

    private Span<float> Values(int count)
    {
        if (_values.Length < count * ActionCount) _values = new float[count * ActionCount];
        return _values.AsSpan(0, count * ActionCount);
    }
}
