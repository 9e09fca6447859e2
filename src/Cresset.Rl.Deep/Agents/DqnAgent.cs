using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>The DQN family: acts, stores, replays. All variants are switches of <see cref="DqnOptions"/>.</summary>
public sealed class DqnAgent : IAgent
{
    private const string Format = "dqn";

    private readonly DqnOptions _options;
    private readonly VectorEnvironment<float, int> _environments;
    private readonly ReplayBuffer _replay;
    private readonly ReplayBatch _batch;
    private readonly QLearner _learner;
    private readonly RolloutStreams _streams;
    private readonly LearningFigures _figures = new();
    private readonly float[] _before;
    private readonly int[] _actions;
    private readonly float[] _errors;
    private float[] _values = [];

    /// <summary>An agent at the start of its first episodes.</summary>
    /// <param name="environments">Copies to learn in, with <see cref="AutoresetMode.SameStep"/>; the agent resets and steps them.</param>
    /// <param name="options">Which variant.</param>
    /// <param name="seed">Fixes environments, weights, exploration and replay.</param>
    /// <param name="encoder">Makes what reads observations [batch, size] into features [batch, n], instead of the built-in encoders (libtorch only); called once for each of the two networks.</param>
    /// <exception cref="ArgumentException">The environments reset otherwise, or their actions are not a single choice.</exception>
    /// <exception cref="InvalidOptionsException">An option is not valid.</exception>
    public DqnAgent(VectorEnvironment<float, int> environments, DqnOptions options, ulong seed, Func<nn.Module<Tensor, Tensor>>? encoder = null)
    {
        ArgumentNullException.ThrowIfNull(environments);
        _options = options.ThrowIfInvalid();
        ActionCount = Rollouts.ActionsOf(environments);
        ObservationSize = environments.SingleObservationSpace.Size;
        _environments = environments;
        _streams = new RolloutStreams(seed);
        var isNative = encoder is null && options.Encoder == ObservationEncoder.Mlp && options.Values != ValueKind.Implicit
            && (options.Backend == NetworkBackend.Native || (options.Backend == NetworkBackend.Auto && options.Hidden.All(h => h <= 512)));
        if (encoder is not null && options.Backend == NetworkBackend.Native) throw new ArgumentException("An encoder of your own needs backend=torch or auto.", nameof(encoder));
        _learner = isNative
            ? new NativeQLearner(ObservationSize, ActionCount, options, _streams.Weights, _streams.Noise)
            : new TorchQLearner(environments.SingleObservationSpace, ActionCount, options, _streams, encoder);
        _replay = new ReplayBuffer(options.Replay, ObservationSize, environments.Count, options.Gamma);
        _batch = new ReplayBatch(options.BatchSize, ObservationSize);
        _errors = new float[options.BatchSize];
        _actions = new int[environments.Count];
        _before = new float[environments.Count * ObservationSize];
        Episodes = new EpisodeTracker(environments.Count);
        environments.Reset(seed);
        if (options.Noisy) _learner.DrawNoise();
    }

    /// <inheritdoc/>
    public string Algorithm => Format;

    /// <inheritdoc/>
    public long Step { get; private set; }

    /// <summary>Gradient steps so far.</summary>
    public long Updates { get; private set; }

    /// <inheritdoc/>
    public int ObservationSize { get; }

    /// <inheritdoc/>
    public int ActionCount { get; }

    /// <inheritdoc/>
    public EpisodeTracker Episodes { get; }

    /// <summary>The experience.</summary>
    public ReplayBuffer Replay => _replay;

    /// <summary>Whether managed vector code carries the network (otherwise libtorch).</summary>
    public bool IsNative => _learner is NativeQLearner;

    /// <inheritdoc/>
    public void Advance()
    {
        Choose();
        _environments.Observations.CopyTo(_before);
        _environments.Step(_actions);
        var first = Step + 1;
        for (var i = 0; i < _environments.Count; i++)
        {
            Step++;
            var outcome = new StepOutcome(_environments.Rewards[i], _environments.Terminated[i], _environments.Truncated[i]);
            var next = (outcome.Ended ? _environments.FinalObservations : _environments.Observations).Slice(i * ObservationSize, ObservationSize);
            _replay.Add(i, _before.AsSpan(i * ObservationSize, ObservationSize), _actions[i], outcome, next);
            Episodes.Add(i, Step, outcome.Reward, outcome.Ended);
        }
        _replay.EndTurn();
        // With several copies a round may pass several due dates; each is kept.
        if (Step > _options.LearningStarts && _replay.Count >= _options.BatchSize)
        {
            for (var due = Dates(first, _options.TrainEvery); due > 0; due--)
            {
                for (var update = 0; update < _options.UpdatesPerTraining; update++) Learn();
            }
        }
        if (Dates(first, _options.TargetEvery) > 0) _learner.FollowTarget(_options.TargetShare);
    }

    /// <inheritdoc/>
    public void Act(ReadOnlySpan<float> observations, int count, Span<int> actions)
    {
        Rollouts.CheckRows(observations.Length, count, ObservationSize, actions.Length);
        Greedy(observations, count, actions, noise: false);
    }

    /// <summary>Mean action values without noise.</summary>
    /// <param name="observations">[count, ObservationSize].</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="values">Receives [count, ActionCount].</param>
    public void ActionValues(ReadOnlySpan<float> observations, int count, Span<float> values)
    {
        Rollouts.CheckRows(observations.Length, count, ObservationSize, values.Length / Math.Max(1, ActionCount));
        _learner.Values(observations, count, values, noise: false);
    }

    /// <inheritdoc/>
    public void Report(Action<string, double> figure)
    {
        ArgumentNullException.ThrowIfNull(figure);
        _figures.Report(figure);
        figure("exploration", Step < _options.LearningStarts ? 1 : _options.Exploration.At(Step));
        figure("learning_rate", _options.LearningRate.At(Step));
        if (_replay.Count == 0) return;
        // Early warnings: values beyond reach, actions that no longer differ, a buffer that holds failures alone.
        var rows = Math.Min(_options.BatchSize, _replay.Count);
        var (highest, gap) = (double.NegativeInfinity, 0.0);
        var values = Values(_environments.Count);
        _learner.Values(_environments.Observations, _environments.Count, values, noise: false);
        for (var i = 0; i < _environments.Count; i++)
        {
            var row = values.Slice(i * ActionCount, ActionCount);
            var (best, second) = (float.NegativeInfinity, float.NegativeInfinity);
            foreach (var value in row) (best, second) = value > best ? (value, best) : (best, MathF.Max(second, value));
            highest = Math.Max(highest, best);
            gap += ActionCount > 1 ? (best - second) / _environments.Count : 0;
        }
        figure("value", highest);
        figure("action_gap", gap);
        figure("terminated_share", _replay.TerminatedShare);
    }

    /// <inheritdoc/>
    public void Save(AgentState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Put("agent/format", Format);
        state.Put("agent/step", Step);
        state.Put("agent/updates", Updates);
        _learner.Save(state);
        state.Put("agent/environments", _environments.Save);
        state.Put("agent/streams", _streams.Save);
        state.Put("agent/episodes", Episodes.Save);
        state.Put("agent/replay", _replay.Save);
        state.Put("agent/figures", _figures.Save);
    }

    /// <inheritdoc/>
    public void Load(AgentState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (state.Text("agent/format") != Format) throw new InvalidDataException($"The state belongs to '{state.Text("agent/format")}', not to '{Format}'.");
        _learner.Load(state);
        (Step, Updates) = ((long)state.Number("agent/step"), (long)state.Number("agent/updates"));
        state.Get("agent/environments", _environments.Load);
        state.Get("agent/streams", _streams.Load);
        state.Get("agent/episodes", Episodes.Load);
        state.Get("agent/replay", _replay.Load);
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
    public void Dispose()
    {
        _learner.Dispose();
        _replay.Dispose();
    }

    internal QLearner Learner => _learner;

    private void Choose()
    {
        var epsilon = Step < _options.LearningStarts ? 1 : _options.Exploration.At(Step);
        var greedy = false;
        for (var i = 0; i < _actions.Length; i++)
        {
            var isRandom = epsilon > 0 && _streams.Exploration.NextDouble() < epsilon;
            _actions[i] = isRandom ? _streams.Exploration.NextInt32(ActionCount) : -1;
            greedy |= !isRandom;
        }
        if (!greedy) return;
        var values = Values(_actions.Length);
        _learner.Values(_environments.Observations, _actions.Length, values, noise: true);
        for (var i = 0; i < _actions.Length; i++)
        {
            if (_actions[i] < 0) _actions[i] = QTargets.ArgMax<float>(values.Slice(i * ActionCount, ActionCount));
        }
    }

    private void Greedy(ReadOnlySpan<float> observations, int count, Span<int> actions, bool noise)
    {
        var values = Values(count);
        _learner.Values(observations, count, values, noise);
        for (var i = 0; i < count; i++) actions[i] = QTargets.ArgMax<float>(values.Slice(i * ActionCount, ActionCount));
    }

    private void Learn()
    {
        _replay.Sample(_batch, _streams.Replay, _options.Replay.Beta.At(Step));
        if (_options.Noisy) _learner.DrawNoise();
        var (loss, norm) = _learner.Update(_batch, _options.LearningRate.At(Step), _errors);
        Updates++;
        if (!double.IsFinite(loss) || !double.IsFinite(norm)) throw new DivergenceException("DQN", Step, double.IsFinite(loss) ? norm : loss);
        _replay.UpdatePriorities(_batch, _errors);
        _figures.Add("loss", loss);
        _figures.Add("gradient_norm", norm);
    }

    private long Dates(long first, int every) => (Step / every) - ((first - 1) / every);

    private Span<float> Values(int count)
    {
        if (_values.Length < count * ActionCount) _values = new float[count * ActionCount];
        return _values.AsSpan(0, count * ActionCount);
    }
}
