using System.Diagnostics;
using Cresset.Numerics;
using Cresset.Runs;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>Who is told what an <see cref="AgentLoop"/> does.</summary>
public interface IAgentLoopWatcher
{
    /// <summary>Figures were recorded.</summary>
    /// <param name="step">Environment steps.</param>
    /// <param name="loss">Mean loss since the last time; NaN before learning.</param>
    /// <param name="stepsPerSecond">Since the loop began, evaluations left out.</param>
    void Stepped(long step, double loss, double stepsPerSecond);

    /// <summary>The policy was evaluated.</summary>
    void Evaluated(long step, PolicyScore score, bool isBest);

    /// <summary>It is time to save the agent and the loop.</summary>
    void Checkpoint(long step);
}

/// <summary>A point of a curve.</summary>
/// <param name="Step">Environment steps.</param>
/// <param name="Value">The value.</param>
public readonly record struct CurvePoint(long Step, double Value);

/// <summary>
/// Lets an agent learn: records its figures, evaluates its greedy policy now and then in environments of their own, notices the best one,
/// asks for checkpoints. Its own state is small and is saved beside the agent's.
/// </summary>
public sealed class AgentLoop : ISaved
{
    private readonly ILearner _agent;
    private readonly Func<int, ulong, CancellationToken, PolicyScore> _evaluate;
    private readonly AgentLoopOptions _options;
    private readonly IRunRecorder _recorder;
    private readonly List<CurvePoint> _means = [];
    private readonly List<CurvePoint> _evaluations = [];
    private bool _isEvaluationOwed;

    /// <summary>A loop around <paramref name="agent"/>.</summary>
    /// <param name="agent">Who learns; the caller's.</param>
    /// <param name="make">Makes an environment to evaluate in, with its time limit.</param>
    /// <param name="options">How long, how often.</param>
    /// <param name="recorder">Where figures go.</param>
    /// <exception cref="InvalidOptionsException">An option is not valid.</exception>
    public AgentLoop(IAgent<int> agent, Func<IEnvironment<float, int>> make, AgentLoopOptions options, IRunRecorder recorder)
        : this(agent, (episodes, seed, cancellation) => EpisodeEvaluation.Run(agent, make, episodes, seed, Cap(options), cancellation),
            options, recorder)
        => ArgumentNullException.ThrowIfNull(make);

    /// <summary>A loop around an agent with continuous actions.</summary>
    /// <param name="agent">Who learns; the caller's.</param>
    /// <param name="make">Makes an environment to evaluate in, with its time limit.</param>
    /// <param name="options">How long, how often.</param>
    /// <param name="recorder">Where figures go.</param>
    /// <exception cref="InvalidOptionsException">An option is not valid.</exception>
    public AgentLoop(IAgent<float> agent, Func<IEnvironment<float, float>> make, AgentLoopOptions options, IRunRecorder recorder)
        : this(agent, (episodes, seed, cancellation) => EpisodeEvaluation.Run(agent, make, episodes, seed, Cap(options), cancellation),
            options, recorder)
        => ArgumentNullException.ThrowIfNull(make);

    /// <summary>A loop around a learner that is evaluated by a function.</summary>
    /// <param name="agent">Who learns; the caller's.</param>
    /// <param name="evaluate">Plays a number of episodes from a seed; throws <see cref="OperationCanceledException"/> when it is
    /// cancelled.</param>
    /// <param name="options">How long, how often.</param>
    /// <param name="recorder">Where figures go.</param>
    /// <exception cref="InvalidOptionsException">An option is not valid.</exception>
    public AgentLoop(ILearner agent, Func<int, ulong, CancellationToken, PolicyScore> evaluate, AgentLoopOptions options,
        IRunRecorder recorder)
    {
        ArgumentNullException.ThrowIfNull(agent);
        ArgumentNullException.ThrowIfNull(evaluate);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(recorder);
        options.ThrowIfInvalid();
        (_agent, _evaluate, _options, _recorder) = (agent, evaluate, options, recorder);
        SolvedAt = options.SolvedAt ?? agent.RewardThreshold ?? double.NaN;
    }

    /// <summary>The mean return that counts as solved; NaN when there is none.</summary>
    public double SolvedAt { get; }

    /// <summary>
    /// Decides at every round whether to stop; by default when cancelled. Processes that learn together agree here, and are not stopped
    /// within an evaluation.
    /// </summary>
    public Func<CancellationToken, bool>? Stops { get; init; }

    /// <summary>Mean return of the last hundred episodes while learning, over steps.</summary>
    public IReadOnlyList<CurvePoint> MeanReturns => _means;

    /// <summary>Mean return of each evaluation, over steps.</summary>
    public IReadOnlyList<CurvePoint> Evaluations => _evaluations;

    /// <summary>The best evaluation; NaN before the first.</summary>
    public double BestReturn { get; private set; } = double.NaN;

    /// <summary>When it was.</summary>
    public long BestStep { get; private set; }

    /// <summary>
    /// First step at which the mean of a full hundred episodes while learning reached <see cref="SolvedAt"/>; null before.
    /// </summary>
    public long? SolvedStep { get; private set; }

    /// <summary>Learns until the last step or until cancelled; a round is always finished.</summary>
    /// <returns>Whether the last step was reached.</returns>
    /// <exception cref="DivergenceException">A loss or gradient is no longer finite.</exception>
    public bool Run(IAgentLoopWatcher? watcher = null, CancellationToken cancellation = default)
    {
        var learning = new Stopwatch();
        var started = _agent.Step;
        var saved = started;
        // An evaluation that was cancelled comes first: the figures are then those of an undisturbed run.
        if (_isEvaluationOwed && !Evaluate(watcher, cancellation)) return false;
        while (_agent.Step < _options.Steps && !(Stops?.Invoke(cancellation) ?? cancellation.IsCancellationRequested))
        {
            var before = _agent.Step;
            learning.Start();
            _agent.Advance();
            learning.Stop();
            foreach (var episode in _agent.Episodes.Drain())
            {
                _recorder.Scalar("episode/return", episode.Step, episode.Return);
                _recorder.Scalar("episode/length", episode.Step, episode.Length);
            }
            if (SolvedStep is null && _agent.Episodes.BestMeanReturn >= SolvedAt) SolvedStep = _agent.Step;
            if (Due(before, _options.LogEvery)) Log(watcher, (_agent.Step - started) / Math.Max(learning.Elapsed.TotalSeconds, 1e-9));
            if ((Due(before, _options.EvaluateEvery) || _agent.Step >= _options.Steps) && !Evaluate(watcher, cancellation)) break;
            if (!Due(before, _options.CheckpointEvery)) continue;
            watcher?.Checkpoint(_agent.Step);
            saved = _agent.Step;
        }
        if (saved != _agent.Step) watcher?.Checkpoint(_agent.Step);
        _recorder.Flush();
        return _agent.Step >= _options.Steps && !_isEvaluationOwed;
    }

    /// <summary>Seed of the evaluation at a step: new starts each time, the same in every run with the same seed.</summary>
    public ulong EvaluationSeed(long step) => unchecked((_options.Seed * 0x9e3779b97f4a7c15UL) + (ulong)step + 0x5bd1e995UL);

    /// <summary>Writes the loop's own figures.</summary>
    public void Save(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Put("loop/best", BestReturn);
        state.Put("loop/best_step", BestStep);
        state.Put("loop/solved_step", SolvedStep ?? -1);
        state.Put("loop/evaluation_owed", _isEvaluationOwed ? 1 : 0);
        state.Put("loop/curves", writer =>
        {
            foreach (var curve in (List<CurvePoint>[])[_means, _evaluations])
            {
                writer.Write(curve.Count);
                foreach (var point in curve)
                {
                    writer.Write(point.Step);
                    writer.Write(point.Value);
                }
            }
        });
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    public void Load(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        BestReturn = state.Number("loop/best");
        BestStep = (long)state.Number("loop/best_step");
        SolvedStep = state.Number("loop/solved_step") is >= 0 and var step ? (long)step : null;
        _isEvaluationOwed = state.Texts.ContainsKey("loop/evaluation_owed") && state.Number("loop/evaluation_owed") != 0;
        state.Get("loop/curves", reader =>
        {
            foreach (var curve in (List<CurvePoint>[])[_means, _evaluations])
            {
                curve.Clear();
                for (var left = reader.ReadInt32(); left > 0; left--) curve.Add(new CurvePoint(reader.ReadInt64(), reader.ReadDouble()));
            }
        });
    }

    private void Log(IAgentLoopWatcher? watcher, double stepsPerSecond)
    {
        var step = _agent.Step;
        var loss = double.NaN;
        _agent.Report((name, value) =>
        {
            if (name == "loss") loss = value;
            _recorder.Scalar("train/" + name, step, value);
        });
        if (_agent.Episodes.Count > 0)
        {
            _recorder.Scalar("train/mean_return", step, _agent.Episodes.MeanReturn);
            _recorder.Scalar("train/mean_length", step, _agent.Episodes.MeanLength);
            _means.Add(new CurvePoint(step, _agent.Episodes.MeanReturn));
        }
        watcher?.Stepped(step, loss, stepsPerSecond);
    }

    private static int? Cap(AgentLoopOptions options) => options is { EvaluationSteps: > 0 } ? options.EvaluationSteps : null;

    // False when it was cancelled; it is then owed.
    private bool Evaluate(IAgentLoopWatcher? watcher, CancellationToken cancellation)
    {
        var step = _agent.Step;
        PolicyScore score;
        try
        {
            score = _evaluate(_options.EvaluationEpisodes, EvaluationSeed(step), Stops is null ? cancellation : default);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            _isEvaluationOwed = true;
            return false;
        }
        _isEvaluationOwed = false;
        _evaluations.Add(new CurvePoint(step, score.Mean));
        _recorder.Scalar("eval/return", step, score.Mean);
        _recorder.Scalar("eval/minimum", step, score.Minimum);
        var isBest = !(BestReturn >= score.Mean);
        if (isBest) (BestReturn, BestStep) = (score.Mean, step);
        watcher?.Evaluated(step, score, isBest);
        return true;
    }

    private bool Due(long before, int every) => every > 0 && _agent.Step / every > before / every;
}
