using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>REINFORCE with a baseline: every copy plays one whole episode, then the policy moves by all of them at once.</summary>
/// <typeparam name="TAction">int for choices, float for continuous actions (kept within their bounds when taken).</typeparam>
public sealed class ReinforceAgent<TAction> : IAgent<TAction>
    where TAction : unmanaged
{
    private const string Format = "reinforce";

    private readonly ReinforceOptions _options;
    private readonly VectorEnvironment<float, TAction> _environments;
    private readonly PolicyActions<TAction> _acting;
    private readonly ActorCritic _learner;
    private readonly RolloutStreams _streams;
    private readonly LearningFigures _figures = new();
    private readonly List<(float[] Observation, float[] Action, float LogProb, float Reward)>[] _episodes;
    private readonly bool[] _ended;
    private readonly TAction[] _taken;
    private readonly float[] _drawn;

    /// <summary>An agent before its first episodes.</summary>
    /// <param name="environments">Copies to learn in, with <see cref="AutoresetMode.SameStep"/>; a training takes one episode of each.</param>
    /// <param name="options">Settings.</param>
    /// <param name="seed">Fixes environments, weights and exploration.</param>
    /// <exception cref="ArgumentException">The environments do not fit.</exception>
    /// <exception cref="InvalidOptionsException">An option is not valid.</exception>
    public ReinforceAgent(VectorEnvironment<float, TAction> environments, ReinforceOptions options, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(environments);
        ArgumentNullException.ThrowIfNull(options);
        _options = options.ThrowIfInvalid();
        _acting = new PolicyActions<TAction>(environments, options.InitialLogDeviation);
        _environments = environments;
        ObservationSize = environments.SingleObservationSpace.Size;
        _streams = new RolloutStreams(seed);
        _learner = new ActorCritic(ObservationSize, _acting.Distribution, options.Learner, environments.Count * options.LongestEpisode, _streams.Weights);
        _episodes = [.. Enumerable.Range(0, environments.Count).Select(_ => new List<(float[], float[], float, float)>())];
        (_ended, _taken, _drawn) = (new bool[environments.Count], new TAction[environments.Count * _acting.Distribution.ActionSize], new float[_acting.Distribution.ActionSize]);
        Episodes = new EpisodeTracker(environments.Count);
        environments.Reset(seed);
    }

    /// <inheritdoc/>
    public string Algorithm => Format;

    /// <inheritdoc/>
    public long Step { get; private set; }

    /// <inheritdoc/>
    public int ObservationSize { get; }

    /// <inheritdoc/>
    public EpisodeTracker Episodes { get; }

    /// <summary>One episode of every copy and what is learned from them.</summary>
    /// <exception cref="DivergenceException">A loss or gradient is no longer finite.</exception>
    public void Advance()
    {
        Array.Clear(_ended);
        foreach (var episode in _episodes) episode.Clear();
        // Copies that have ended wait for the others; what they do meanwhile is not learned from.
        while (_ended.Contains(false)) Take();
        Learn();
        _environments.Reset();
    }

    /// <inheritdoc/>
    public void Act(ReadOnlySpan<float> observations, int count, Span<TAction> actions) => _acting.Greedy(_learner, observations, count, ObservationSize, actions);

    /// <inheritdoc/>
    public void Report(Action<string, double> figure)
    {
        ArgumentNullException.ThrowIfNull(figure);
        _figures.Report(figure);
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
    public void Dispose()
    {
    }

    private void Take()
    {
        var size = _acting.Distribution.ActionSize;
        var raw = _learner.Policy(_environments.Observations, _environments.Count, out var stride);
        for (var i = 0; i < _ended.Length; i++)
        {
            var logProb = _acting.Distribution.Sample(raw[(i * stride)..], _streams.Exploration, _drawn);
            _acting.Take(_drawn, _taken.AsSpan(i * size, size));
            if (!_ended[i]) _episodes[i].Add((_environments.Observations.Slice(i * ObservationSize, ObservationSize).ToArray(), [.. _drawn], logProb, 0));
        }
        _environments.Step(_taken);
        for (var i = 0; i < _ended.Length; i++)
        {
            if (_ended[i]) continue;
            _episodes[i][^1] = _episodes[i][^1] with { Reward = (float)_environments.Rewards[i] };
            _ended[i] = _environments.Terminated[i] || _environments.Truncated[i] || _episodes[i].Count == _options.LongestEpisode;
            Step++;
            Episodes.Add(i, Step, _environments.Rewards[i], _ended[i]);
        }
    }

    private void Learn()
    {
        var size = _acting.Distribution.ActionSize;
        var batch = new ActorCriticBatch(_episodes.Sum(e => e.Count), ObservationSize, size);
        var row = batch.Rows;
        foreach (var episode in _episodes.Reverse())
        {
            var sum = 0f;
            for (var t = episode.Count - 1; t >= 0; t--)
            {
                var (observation, action, logProb, reward) = episode[t];
                sum = reward + ((float)_options.Gamma * sum);
                row--;
                observation.CopyTo(batch.Observations, row * ObservationSize);
                action.CopyTo(batch.Actions, row * size);
                (batch.LogProbs[row], batch.Returns[row]) = (logProb, sum);
            }
        }
        if (_options.Baseline) _learner.Values(batch.Observations, batch.Rows, batch.Values);
        for (var i = 0; i < batch.Rows; i++) batch.Advantages[i] = batch.Returns[i] - batch.Values[i];
        var figures = _learner.Evaluate(batch);
        if (!double.IsFinite(figures.PolicyLoss) || !double.IsFinite(figures.Norm)) throw new DivergenceException("REINFORCE", Step, double.IsFinite(figures.PolicyLoss) ? figures.Norm : figures.PolicyLoss);
        _figures.Add("loss", figures.PolicyLoss);
        _figures.Add("value_loss", figures.ValueLoss);
        _figures.Add("entropy", figures.Entropy);
        _figures.Add("gradient_norm", figures.Norm);
        _learner.Step(_options.LearningRate.At(Step), figures.Norm);
    }
}
