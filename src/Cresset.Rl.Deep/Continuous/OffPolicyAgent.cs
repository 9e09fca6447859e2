using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>Acts with continuous actions, stores, replays: the core under SAC, TQC, TD3 and DDPG.</summary>
public abstract class OffPolicyAgent : RolloutAgent<float>
{
    private readonly OffPolicyOptions _options;
    private readonly Box _box;
    private readonly ReplayBuffer _replay;
    private readonly ReplayBatch _batch;
    private readonly float[] _before;
    private readonly float[] _actions;
    private readonly float[] _taken;
    private readonly int _actionSize;
    private readonly CopyMemories _memories;
    private readonly float[] _remembered;
    private readonly StretchBatch? _stretches;
    private ContinuousLearner? _learner;

    private protected OffPolicyAgent(VectorEnvironment<float, float> environments, OffPolicyOptions options, ulong seed)
        : base(environments, seed)
    {
        _options = options.ThrowIfInvalid();
        Rollouts.CheckAutoreset(environments);
        _box = environments.SingleActionSpace as Box
            ?? throw new ArgumentException($"The actions are {environments.SingleActionSpace}; needed is a Box.", nameof(environments));
        for (var i = 0; i < _box.Size; i++)
        {
            if (!float.IsFinite(_box.Low[i]) || !float.IsFinite(_box.High[i]))
                throw new ArgumentException(
                    $"Value {i} of the actions has the bounds {_box.Low[i]} and {_box.High[i]}; agents of this kind need finite ones. "
                        + $"Leave clip-action out, or wrap the environment in rescale-action.", nameof(environments));
        }
        _actionSize = _box.Size;
        _replay = new ReplayBuffer(options.Replay, ObservationSize, environments.Count, options.Gamma, _actionSize, 0, environments.Goals,
            options.Memory);
        (_memories, _remembered) = (new CopyMemories(environments.Count, options.Memory), new float[environments.Count * options.Memory]);
        if (options.Memory > 0)
        {
            MemoryChecks.RefuseShortReplay(options.Replay, _replay.Capacity / environments.Count, options.SequenceSteps + options.BurnIn);
            _stretches = new StretchBatch(options.BatchSize, options.SequenceSteps, options.BurnIn, ObservationSize, _actionSize, 0,
                options.Memory);
        }
        _batch = _stretches?.Learned ?? new ReplayBatch(options.BatchSize, ObservationSize, _actionSize);
        _before = new float[environments.Count * ObservationSize];
        _actions = new float[environments.Count * _actionSize];
        _taken = new float[environments.Count * _actionSize];
        environments.Reset(seed);
        if (options.Replay.Data is not { } file) return;
        OfflineData.Fill(_replay, environments, file, (replay, data, row, outcome) =>
        {
            data.Actions.AsSpan(row * _actionSize, _actionSize).CopyTo(_actions);
            Unscale(_actions);
            replay.Add(0, data.Observations.AsSpan(row * ObservationSize, ObservationSize), _actions, outcome,
                data.NextObservations.AsSpan(row * ObservationSize, ObservationSize));
        });
    }

    /// <summary>Gradient steps so far.</summary>
    public long Updates { get; private set; }

    /// <summary>The experience.</summary>
    public ReplayBuffer Replay => _replay;

    internal ContinuousLearner Learner => _learner!;

    /// <inheritdoc/>
    protected override INetworkState Networks => _learner!;

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, double Value)> Identity =>
    [
        .. base.Identity, ("gamma", _options.Gamma), ("replay.n_step", _options.Replay.NStep), ("replay.capacity", _replay.Capacity),
        ("replay.frames", _options.Replay.Frames),
        ("replay.storage", (int)_options.Replay.Storage),
        .. MemorySize > 0 ? new[] { ("memory", (double)MemorySize) } : [],
    ];

    /// <inheritdoc/>
    public override int MemorySize => _options.Memory;

    /// <inheritdoc/>
    public override void Advance()
    {
        var first = Step + 1;
        if (_options.Replay.Offline) Step += Environments.Count;
        else Live();
        // With several copies a round may pass several due dates; each is kept.
        var due = (Step / _options.TrainEvery) - ((first - 1) / _options.TrainEvery);
        if (due == 0) return;
        if (Step > _options.LearningStarts && _replay.Count >= _options.BatchSize && _replay.Turns >= (_stretches?.Stretches.Steps ?? 0))
        {
            for (var update = 0L; update < due * _options.UpdatesPerTraining; update++) Learn();
        }
        _learner!.BeginCollecting(Streams.Exploration);
    }

    // One action in every copy, kept.
    private void Live()
    {
        _memories.Values.CopyTo(_remembered, 0);
        if (Step < _options.LearningStarts)
        {
            // What is seen is remembered, whatever is done then.
            if (MemorySize > 0) _learner!.Act(Environments.Observations, Environments.Count, _actions, null, _memories.Values);
            foreach (ref var value in _actions.AsSpan()) value = (float)Streams.Exploration.Uniform(-1, 1);
        }
        else
        {
            _learner!.Act(Environments.Observations, Environments.Count, _actions, Streams.Exploration, _memories.Values);
        }
        Environments.Observations.CopyTo(_before);
        Scale(_actions, _taken);
        Environments.Step(_taken);
        for (var i = 0; i < Environments.Count; i++)
        {
            Step++;
            var outcome = new StepOutcome(Environments.Rewards[i], Environments.Terminated[i], Environments.Truncated[i]);
            var next = (outcome.Ended ? Environments.FinalObservations : Environments.Observations).Slice(i * ObservationSize,
                ObservationSize);
            if (MemorySize > 0) _replay.Remember(i, _remembered.AsSpan(i * MemorySize, MemorySize), _memories.Begins(i));
            _memories.Stepped(i, outcome.Ended);
            _replay.Add(i, _before.AsSpan(i * ObservationSize, ObservationSize), _actions.AsSpan(i * _actionSize, _actionSize), outcome,
                next);
            Episodes.Add(i, Step, Environments.RawRewards[i], outcome.Ended);
            if (outcome.Ended) _learner!.EndEpisode(i);
        }
        _replay.EndTurn();
    }

    /// <inheritdoc/>
    public override void Act(ReadOnlySpan<float> observations, int count, Span<float> actions, ReadOnlySpan<bool> masks = default)
        => Best(observations, count, actions, []);

    /// <inheritdoc/>
    public override void Act(ReadOnlySpan<float> observations, int count, Span<float> actions, ReadOnlySpan<bool> masks,
        Span<float> memory)
    {
        Rollouts.CheckMemory(memory.Length, count, MemorySize);
        Best(observations, count, actions, memory);
    }

    /// <inheritdoc/>
    public override void Report(Action<string, double> figure)
    {
        base.Report(figure);
        figure("learning_rate", _options.LearningRate.At(Step));
    }

    /// <inheritdoc/>
    public override void Save(Snapshot state)
    {
        base.Save(state);
        state.Put("agent/updates", Updates);
        _memories.Save(state);
        _replay.Save(state);
    }

    /// <inheritdoc/>
    protected override void LoadAll(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        base.LoadAll(state);
        Updates = state.Whole("agent/updates");
        _memories.Load(state, Environments.Lost);
        _replay.Load(state);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _learner?.Dispose();
            _replay.Dispose();
        }
        base.Dispose(disposing);
    }

    private protected void Use(ContinuousLearner learner)
    {
        _learner = learner;
        learner.BeginCollecting(Streams.Exploration);
    }

    private void Best(ReadOnlySpan<float> observations, int count, Span<float> actions, Span<float> memory)
    {
        Rollouts.CheckRows(observations, count, ObservationSize, actions.Length / _actionSize);
        var chosen = actions[..(count * _actionSize)];
        _learner!.Act(observations, count, chosen, null, memory);
        Scale(chosen, chosen);
    }

    // From [-1, 1] to the bounds of the environment.
    private void Scale(ReadOnlySpan<float> from, Span<float> to)
    {
        for (var i = 0; i < from.Length; i++)
        {
            var (low, high) = (_box.Low[i % _actionSize], _box.High[i % _actionSize]);
            to[i] = Math.Clamp(low + (0.5f * (from[i] + 1) * (high - low)), low, high);
        }
    }

    // From the bounds of the environment to [-1, 1].
    private void Unscale(Span<float> actions)
    {
        for (var i = 0; i < actions.Length; i++)
        {
            var (low, high) = (_box.Low[i], _box.High[i]);
            actions[i] = high > low ? (2 * (actions[i] - low) / (high - low)) - 1 : 0;
        }
    }

    private void Learn()
    {
        if (_stretches is null) _replay.Sample(_batch, Streams.Replay);
        else _stretches.Draw(_replay, Streams.Replay);
        var (loss, norm) = _learner!.Update(_batch, _options.LearningRate.At(Step), Figures, _stretches);
        Updates++;
        if (!double.IsFinite(loss) || !double.IsFinite(norm))
            throw new DivergenceException(Algorithm, Step, double.IsFinite(loss) ? norm : loss);
        Figures.Add("loss", loss);
        Figures.Add("gradient_norm", norm);
    }
}

/// <summary>Soft actor-critic and TQC.</summary>
public sealed class SacAgent : OffPolicyAgent
{
    /// <summary>An agent at the start of its first episodes.</summary>
    /// <param name="environments">Copies to learn in, with <see cref="AutoresetMode.SameStep"/> and bounded continuous actions; the agent
    /// resets and steps them.</param>
    /// <param name="options">Settings.</param>
    /// <param name="seed">Fixes environments, weights, exploration and replay.</param>
    /// <param name="encoder">Makes what reads observations [batch, size] into features [batch, n], instead of the built-in encoders
    /// (libtorch); called once for the networks and once for their targets.</param>
    /// <exception cref="ArgumentException">The environments reset otherwise, or their actions are not bounded numbers.</exception>
    /// <exception cref="InvalidOptionsException">An option is not valid.</exception>
    public SacAgent(VectorEnvironment<float, float> environments, SacOptions options, ulong seed,
        Func<nn.Module<Tensor, Tensor>>? encoder = null)
        : base(environments, options, seed)
        => Use(new SacLearner(ObservationSize, environments.SingleActionSpace.Size, environments.Count, options, Streams.Weights,
            Streams.Noise, FeatureEncoder.Make(environments.SingleObservationSpace, options, Streams.Weights, encoder)));

    /// <inheritdoc/>
    public override string Algorithm => "sac";

    /// <summary>The weight of the entropy.</summary>
    public double Temperature => ((SacLearner)Learner).Temperature;

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, double Value)> Identity
        => [.. base.Identity, ("critics", ((SacLearner)Learner).Critics.Count), ("quantiles", ((SacLearner)Learner).Critics.Outputs)];
}

/// <summary>TD3 and DDPG.</summary>
public sealed class Td3Agent : OffPolicyAgent
{
    /// <summary>An agent at the start of its first episodes.</summary>
    /// <param name="environments">Copies to learn in, with <see cref="AutoresetMode.SameStep"/> and bounded continuous actions; the agent
    /// resets and steps them.</param>
    /// <param name="options">Settings.</param>
    /// <param name="seed">Fixes environments, weights, exploration and replay.</param>
    /// <param name="encoder">Makes what reads observations [batch, size] into features [batch, n], instead of the built-in encoders
    /// (libtorch); called once for the networks and once for their targets.</param>
    /// <exception cref="ArgumentException">The environments reset otherwise, or their actions are not bounded numbers.</exception>
    /// <exception cref="InvalidOptionsException">An option is not valid.</exception>
    public Td3Agent(VectorEnvironment<float, float> environments, Td3Options options, ulong seed,
        Func<nn.Module<Tensor, Tensor>>? encoder = null)
        : base(environments, options, seed)
        => Use(new Td3Learner(ObservationSize, environments.SingleActionSpace.Size, environments.Count, options, Streams.Weights,
            Streams.Noise, FeatureEncoder.Make(environments.SingleObservationSpace, options, Streams.Weights, encoder)));

    /// <inheritdoc/>
    public override string Algorithm => "td3";

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, double Value)> Identity =>
        [.. base.Identity, ("critics", ((Td3Learner)Learner).Critics.Count)];
}
