using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>REINFORCE with a baseline: every copy plays one whole episode, then the policy moves by all of them at once.</summary>
/// <typeparam name="TAction">int for choices, float for continuous actions (kept within their bounds when taken).</typeparam>
public sealed class ReinforceAgent<TAction> : RolloutAgent<TAction>
    where TAction : unmanaged
{
    private const string Format = "reinforce";

    private readonly ReinforceOptions _options;
    private readonly PolicyActions<TAction> _acting;
    private readonly ActorCritic _learner;
    private readonly List<(float[] Observation, float[] Action, bool[] Mask, float LogProb, float Reward)>[] _episodes;
    private readonly bool[] _ended;
    private readonly TAction[] _taken;
    private readonly float[] _drawn;
    private readonly float[] _memory;

    /// <summary>An agent before its first episodes.</summary>
    /// <param name="environments">Copies to learn in, with <see cref="AutoresetMode.SameStep"/>; a training takes one episode of
    /// each.</param>
    /// <param name="options">Settings.</param>
    /// <param name="seed">Fixes environments, weights and exploration.</param>
    /// <param name="encoder">Makes what reads observations [batch, size] into features [batch, n], instead of the built-in encoders
    /// (libtorch); called once for the policy and once for the values.</param>
    /// <exception cref="ArgumentException">The environments do not fit.</exception>
    /// <exception cref="InvalidOptionsException">An option is not valid.</exception>
    public ReinforceAgent(VectorEnvironment<float, TAction> environments, ReinforceOptions options, ulong seed,
        Func<nn.Module<Tensor, Tensor>>? encoder = null)
        : base(environments, seed)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options.ThrowIfInvalid();
        MemoryLimits.RefuseOwnEncoder(options.Memory, encoder);
        _acting = new PolicyActions<TAction>(environments, options.InitialLogDeviation);
        _learner = new ActorCritic(ObservationSize, _acting.Distribution, options.Learner, environments.Count * options.LongestEpisode,
            Streams.Weights, PictureEncoder.Choose(environments.SingleObservationSpace, options.Encoder, encoder));
        _episodes = [.. Enumerable.Range(0, environments.Count).Select(_ => new List<(float[], float[], bool[], float, float)>())];
        (_ended, _taken, _drawn) = (new bool[environments.Count], new TAction[environments.Count * _acting.Distribution.ActionSize],
            new float[_acting.Distribution.ActionSize]);
        _memory = new float[environments.Count * options.Memory];
        environments.Reset(seed);
    }

    /// <inheritdoc/>
    public override string Algorithm => Format;

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, double Value)> Identity => MemorySize > 0
        ? [.. base.Identity, ("gamma", _options.Gamma), ("baseline", _options.Baseline ? 1 : 0), ("memory", MemorySize)]
        : [.. base.Identity, ("gamma", _options.Gamma), ("baseline", _options.Baseline ? 1 : 0)];

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, double Value)> PolicyIdentity => [("activation", (int)_options.Activation)];

    /// <summary>One episode of every copy and what is learned from them.</summary>
    /// <exception cref="DivergenceException">A loss or gradient is no longer finite.</exception>
    public override void Advance()
    {
        // Every training begins with the first steps of episodes, so that no memory outlives one.
        Array.Clear(_memory);
        Array.Clear(_ended);
        foreach (var episode in _episodes) episode.Clear();
        // Copies that have ended wait for the others; what they do meanwhile is not learned from.
        while (_ended.Contains(false)) Take();
        Learn();
        Environments.Reset();
    }

    /// <inheritdoc/>
    public override void Act(ReadOnlySpan<float> observations, int count, Span<TAction> actions, ReadOnlySpan<bool> masks = default)
        => _acting.Greedy(_learner, observations, count, ObservationSize, actions, masks);

    /// <inheritdoc/>
    public override int MemorySize => _options.Memory;

    /// <inheritdoc/>
    public override void Act(ReadOnlySpan<float> observations, int count, Span<TAction> actions, ReadOnlySpan<bool> masks,
        Span<float> memory)
    {
        Rollouts.CheckMemory(memory.Length, count, MemorySize);
        _acting.Greedy(_learner, observations, count, ObservationSize, actions, masks, memory);
    }

    /// <inheritdoc/>
    public override void Report(Action<string, double> figure)
    {
        base.Report(figure);
        figure("learning_rate", _options.LearningRate.At(Step));
    }

    /// <inheritdoc/>
    protected override INetworkState Networks => _learner;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _learner.Dispose();
        base.Dispose(disposing);
    }

    private void Take()
    {
        var size = _acting.Distribution.ActionSize;
        var raw = _learner.Policy(Environments.Observations, Environments.Count, out var stride, _memory);
        for (var i = 0; i < _ended.Length; i++)
        {
            var mask = Rollouts.Row(Environments.Masks, i, _acting.MaskSize);
            var logProb = _acting.Distribution.Sample(raw[(i * stride)..], Streams.Exploration, _drawn, mask);
            _acting.Take(_drawn, _taken.AsSpan(i * size, size));
            if (!_ended[i])
                _episodes[i].Add((Environments.Observations.Slice(i * ObservationSize, ObservationSize).ToArray(), [.. _drawn],
                    mask.ToArray(), logProb, 0));
        }
        Environments.Step(_taken);
        for (var i = 0; i < _ended.Length; i++)
        {
            if (_ended[i]) continue;
            _episodes[i][^1] = _episodes[i][^1] with { Reward = (float)Environments.Rewards[i] };
            _ended[i] = Environments.Terminated[i] || Environments.Truncated[i] || _episodes[i].Count == _options.LongestEpisode;
            Step++;
            Episodes.Add(i, Step, Environments.RawRewards[i], _ended[i]);
        }
    }

    private void Learn()
    {
        var size = _acting.Distribution.ActionSize;
        // With a memory the episodes are one stretch, forgotten where each begins: they differ in length.
        var rows = _episodes.Sum(e => e.Count);
        var batch = new ActorCriticBatch(rows, ObservationSize, size, _acting.MaskSize, MemorySize > 0 ? rows : 0, MemorySize);
        var row = batch.Rows;
        foreach (var episode in _episodes.Reverse())
        {
            var sum = 0f;
            for (var t = episode.Count - 1; t >= 0; t--)
            {
                var (observation, action, mask, logProb, reward) = episode[t];
                sum = reward + ((float)_options.Gamma * sum);
                row--;
                observation.CopyTo(batch.Observations, row * ObservationSize);
                action.CopyTo(batch.Actions, row * size);
                mask.CopyTo(batch.Masks, row * _acting.MaskSize);
                (batch.LogProbs[row], batch.Returns[row]) = (logProb, sum);
                if (MemorySize > 0) batch.Begin(row, t == 0);
            }
        }
        if (_options.Baseline && MemorySize > 0) _learner.Judge(batch, new float[rows], batch.Values);
        else if (_options.Baseline) _learner.Values(batch.Observations, batch.Rows, batch.Values);
        for (var i = 0; i < batch.Rows; i++) batch.Advantages[i] = batch.Returns[i] - batch.Values[i];
        var figures = _learner.Evaluate(batch);
        if (!double.IsFinite(figures.PolicyLoss) || !double.IsFinite(figures.Norm))
            throw new DivergenceException("REINFORCE", Step, double.IsFinite(figures.PolicyLoss) ? figures.Norm : figures.PolicyLoss);
        Figures.Add("loss", figures.PolicyLoss);
        Figures.Add("value_loss", figures.ValueLoss);
        Figures.Add("entropy", figures.Entropy);
        Figures.Add("gradient_norm", figures.Norm);
        _learner.Step(_options.LearningRate.At(Step), figures.Norm);
    }
}
