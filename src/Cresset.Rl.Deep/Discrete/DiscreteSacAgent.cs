using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>Soft actor-critic over choices: acts, stores, replays.</summary>
public sealed class DiscreteSacAgent : RolloutAgent<int>, IAgent
{
    private readonly DiscreteSacOptions _options;
    private readonly ReplayBuffer _replay;
    private readonly ReplayBatch _batch;
    private readonly DiscreteSacLearner _learner;
    private readonly ChoiceSteps _steps;
    private readonly StretchBatch? _stretches;
    private readonly int _start;

    /// <summary>An agent at the start of its first episodes.</summary>
    /// <param name="environments">Copies to learn in, with <see cref="AutoresetMode.SameStep"/>; the agent resets and steps them.</param>
    /// <param name="options">Settings.</param>
    /// <param name="seed">Fixes environments, weights, exploration and replay.</param>
    /// <param name="encoder">Makes what reads observations [batch, size] into features [batch, n], instead of the built-in encoders
    /// (libtorch); called once for the networks and once for their targets.</param>
    /// <exception cref="ArgumentException">The environments reset otherwise, or their actions are not a single choice.</exception>
    /// <exception cref="InvalidOptionsException">An option is not valid.</exception>
    public DiscreteSacAgent(VectorEnvironment<float, int> environments, DiscreteSacOptions options, ulong seed,
        Func<nn.Module<Tensor, Tensor>>? encoder = null)
        : base(environments, seed)
    {
        _options = options.ThrowIfInvalid();
        var space = Rollouts.ActionsOf(environments);
        (ActionCount, _start) = (space.Count, space.Start);
        var maskSize = environments.Masks.IsEmpty ? 0 : environments.MaskSize;
        _replay = new ReplayBuffer(options.Replay, ObservationSize, environments.Count, options.Gamma, 1, maskSize,
            environments.Goals, options.Memory);
        if (options.Memory > 0)
        {
            MemoryChecks.RefuseShortReplay(options.Replay, _replay.Capacity / environments.Count, options.SequenceSteps + options.BurnIn);
            _stretches = new StretchBatch(options.BatchSize, options.SequenceSteps, options.BurnIn, ObservationSize, 1, maskSize,
                options.Memory);
        }
        _batch = _stretches?.Learned ?? new ReplayBatch(options.BatchSize, ObservationSize, maskSize: maskSize);
        _steps = new ChoiceSteps(environments, _replay, maskSize, options.Memory);
        _learner = new DiscreteSacLearner(ObservationSize, ActionCount, environments.Count, options, Streams.Weights,
            FeatureEncoder.Make(environments.SingleObservationSpace, options, Streams.Weights, encoder));
        environments.Reset(seed);
        if (options.Replay.Data is not { } file) return;
        OfflineData.Fill(_replay, environments, file, (replay, data, row, outcome) => replay.Add(
            0, data.Observations.AsSpan(row * ObservationSize, ObservationSize), (int)data.Actions[row] - _start, outcome,
            data.NextObservations.AsSpan(row * ObservationSize, ObservationSize)));
    }

    /// <inheritdoc/>
    public override string Algorithm => "sac-discrete";

    /// <inheritdoc/>
    public int ActionCount { get; }

    /// <summary>Gradient steps so far.</summary>
    public long Updates { get; private set; }

    /// <summary>The experience.</summary>
    public ReplayBuffer Replay => _replay;

    /// <summary>The weight of the entropy.</summary>
    public double Temperature => _learner.Temperature;

    internal DiscreteSacLearner Learner => _learner;

    /// <inheritdoc/>
    protected override INetworkState Networks => _learner;

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, double Value)> Identity =>
    [
        .. base.Identity, ("gamma", _options.Gamma), ("replay.n_step", _options.Replay.NStep), ("replay.capacity", _replay.Capacity),
        ("replay.frames", _options.Replay.Frames), ("replay.storage", (int)_options.Replay.Storage),
        ("choices", ActionCount), ("critics", _learner.Critics.Count),
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
        if (Step <= _options.LearningStarts || _replay.Count < _options.BatchSize) return;
        if (_replay.Turns < (_stretches?.Stretches.Steps ?? 0)) return;
        // With several copies a round may pass several due dates; each is kept.
        var due = (Step / _options.TrainEvery) - ((first - 1) / _options.TrainEvery);
        for (var update = 0L; update < due * _options.UpdatesPerTraining; update++) Learn();
    }

    /// <inheritdoc/>
    public override void Act(ReadOnlySpan<float> observations, int count, Span<int> actions, ReadOnlySpan<bool> masks = default)
        => Likeliest(observations, count, actions, masks, []);

    /// <inheritdoc/>
    public override void Act(ReadOnlySpan<float> observations, int count, Span<int> actions, ReadOnlySpan<bool> masks, Span<float> memory)
    {
        Rollouts.CheckMemory(memory.Length, count, MemorySize);
        Likeliest(observations, count, actions, masks, memory);
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
        _steps.Memories.Save(state);
        _replay.Save(state);
    }

    /// <inheritdoc/>
    protected override void LoadAll(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        base.LoadAll(state);
        Updates = state.Whole("agent/updates");
        _steps.Memories.Load(state, Environments.Lost);
        _replay.Load(state);
    }

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

    private void Likeliest(ReadOnlySpan<float> observations, int count, Span<int> actions, ReadOnlySpan<bool> masks, Span<float> memory)
    {
        Rollouts.CheckRows(observations, count, ObservationSize, actions.Length);
        Rollouts.CheckMasks(masks.Length, count, ActionCount);
        _learner.Act(observations, count, actions, masks, null, memory);
        foreach (ref var action in actions[..count]) action += _start;
    }

    // One action in every copy, kept.
    private void Live()
    {
        _steps.KeepMemories();
        var isRandom = Step < _options.LearningStarts;
        // What is seen is remembered, whatever is done then.
        if (!isRandom || MemorySize > 0)
            _learner.Act(Environments.Observations, Environments.Count, _steps.Actions, Environments.Masks,
                isRandom ? null : Streams.Exploration, _steps.Memories.Values);
        if (isRandom)
        {
            for (var i = 0; i < Environments.Count; i++) _steps.Actions[i] = _steps.Random(i, Streams.Exploration);
        }
        Step = _steps.Take(Step, Episodes);
    }

    private void Learn()
    {
        if (_stretches is null) _replay.Sample(_batch, Streams.Replay);
        else _stretches.Draw(_replay, Streams.Replay);
        var (loss, norm) = _learner.Update(_batch, _options.LearningRate.At(Step), Figures, _stretches);
        Updates++;
        if (!double.IsFinite(loss) || !double.IsFinite(norm))
            throw new DivergenceException(Algorithm, Step, double.IsFinite(loss) ? norm : loss);
        Figures.Add("loss", loss);
        Figures.Add("gradient_norm", norm);
    }
}
