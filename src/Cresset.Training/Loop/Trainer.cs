using System.Diagnostics;
using Cresset.Data;
using Cresset.Distributed;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Runs;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>
/// Trains a task: accumulates, clips, steps, averages, evaluates, draws, saves. Knows no subject. A run that was killed at any moment and
/// resumed ends with the same bits as one that was not.
/// </summary>
/// <remarks>Run it on the main thread: glibc keeps freed memory only there.</remarks>
public sealed partial class Trainer : ISaved, IDisposable
{
    private readonly ITrainingTask _task;
    private readonly TrainerOptions _options;
    private readonly IRunRecorder _recorder;
    private readonly CheckpointFolder? _checkpoints;
    private readonly CheckpointWriter? _writer;
    private readonly Stopwatch _sinceSaved = new();
    private readonly Stopwatch _waiting = new();
    private readonly Optimizer _optimizer;
    private readonly Scheduler _schedule;
    private readonly WeightAverage? _average;
    private readonly GradientClipping? _clipping;
    private readonly ICommunicator _ranks;
    private readonly GradientExchange? _exchange;
    private readonly PartStreams _streams;
    private readonly Device _device;
    private readonly BestMetric _best;
    private Loader _loader;
    private int _step;
    private IReadOnlyDictionary<string, double> _lastMetrics = new Dictionary<string, double>();
    private int _lastEvaluated = -1;
    private int _lastSaved = -1;
    private int _lastPictured = -1;
    private bool _isStopped;
    private string? _lastGood;

    /// <summary>Prepares training of <paramref name="task"/>; the task must have been made after <see cref="Seeding.Apply"/>.</summary>
    /// <param name="task">What to train.</param>
    /// <param name="options">How long and what to keep.</param>
    /// <param name="optimization">Optimizer and schedule.</param>
    /// <param name="recorder">Where values and pictures go.</param>
    /// <param name="checkpoints">Where checkpoints go; null saves none.</param>
    /// <param name="ranks">Processes that train together, each with a trainer of the same task and options; null for this one alone. Rank 0
    /// alone records, draws and saves.</param>
    /// <exception cref="ArgumentException">The ranks cannot share a batch evenly.</exception>
    /// <exception cref="NotSupportedException">The task trains a second model, which ranks do not share.</exception>
    public Trainer(ITrainingTask task, TrainerOptions options, OptimizationOptions optimization, IRunRecorder recorder,
        CheckpointFolder? checkpoints = null, ICommunicator? ranks = null)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(recorder);
        _task = task;
        _options = options.ThrowIfInvalid();
        _recorder = recorder;
        _checkpoints = checkpoints;
        _ranks = ranks ?? OneProcess.Instance;
        CheckRanks();
        _device = ComputeDevice.Resolve(options.Device);
        if (options.Threads > 0) set_num_threads(options.Threads);
        else if (_ranks.Size > 1) set_num_threads(Math.Max(1, Environment.ProcessorCount / _ranks.LocalSize));
        WarmStart.Freeze(task.Module, options.Freeze);
        // Ranks that share their statistics have more values than each of them.
        if (!(options.SyncBatchNorm && _ranks.Size > 1)) BatchStatistics.Guard(task.Module);
        Recompute(task.Module, options.Recompute);
        task.Module.to(_device);
        TensorExchange.Broadcast(_ranks, StateDict.Of(task.Module).Values);
        var isNarrow = false;
        if (options.Precision == Precision.Bfloat16)
        {
            if (ComputeDevice.HasBFloat16(_device))
            {
                MixedPrecision.Apply(task.Module);
                isNarrow = true;
            }
            else
            {
                PrecisionNotice = "trainer.precision=bfloat16: this machine does not compute bfloat16 (no AVX512-BF16, AMX or GPU); "
                    + "training in float32.";
            }
        }
        _optimizer = optimization.ThrowIfInvalid().CreateOptimizer(task.Module, isNarrow);
        foreach (var auxiliary in task.Auxiliaries) auxiliary.Place(_device);
        _schedule = optimization.CreateSchedule(_optimizer, options.Steps);
        _average = options.EmaDecay > 0
            ? new WeightAverage(task.Module, new WeightAverageOptions { Decay = options.EmaDecay, WarmUp = true }) : null;
        _clipping = options.ClipNorm > 0 ? GradientClipping.Norm(options.ClipNorm) : null;
        _streams = new PartStreams(options.Seed, Parts, _ranks);
        if (_ranks.Size > 1) _exchange = new GradientExchange(_ranks, task.Module, options.Overlap);
        _best = new BestMetric(task.Headline);
        if (checkpoints is not null && _ranks.Rank == 0)
            _writer = new CheckpointWriter(checkpoints, options.KeepLast, options.KeepBest ? task.Headline : null,
                options.BackgroundCheckpoints);
        _loader = MakeLoader(default);
    }

    /// <summary>Why another precision is used than was asked for; null when it is as asked.</summary>
    public string? PrecisionNotice { get; }

    /// <summary>Finished steps.</summary>
    public int Step => _step;

    /// <summary>Who is told and may look or change things at fixed points of training.</summary>
    public IList<ITrainingHook> Hooks { get; } = [];

    /// <summary>Through which training is told to stop, save or change its rate, from any thread.</summary>
    public TrainingControl Control { get; } = new();

    /// <summary>
    /// Goes on from the newest whole checkpoint, if there is one, and lets the recorder forget what was recorded after it.
    /// <paramref name="notices"/> names damaged ones that were passed over. Call it before <see cref="Run"/> whenever the run may not be
    /// new.
    /// </summary>
    /// <exception cref="CheckpointException">It belongs to another model.</exception>
    /// <exception cref="InvalidDataException">It was made with another batch size, seed or other options. Nothing was changed.</exception>
    public bool TryResume(out IReadOnlyList<string> notices)
    {
        notices = [];
        return _checkpoints?.Resume(this, _recorder, out notices, _ranks) is not null;
    }

    /// <summary>Trains to the last step, to an early stop, or until cancelled (then the step is finished and saved).</summary>
    /// <exception cref="TrainingDivergedException">A loss, gradient or weight is no longer finite.</exception>
    public TrainingResult Run(IProgress<TrainingReport>? progress = null, CancellationToken cancellation = default)
    {
        var clock = Stopwatch.StartNew();
        var training = new Stopwatch();
        var started = _step;
        var end = TrainingEnd.Completed;
        if (PrecisionNotice is { } narrow) progress?.Report(new NoticeReport(narrow));
        TellOfRanks(progress);
        _task.Module.train();
        _sinceSaved.Restart();
        while (_step < _options.Steps && !IsOutOfPatience)
        {
            var (isCancelled, isOutOfTime) = Agree(
                cancellation.IsCancellationRequested || _isStopped,
                _options.TimeLimitMinutes > 0 && clock.Elapsed.TotalMinutes >= _options.TimeLimitMinutes);
            if (isCancelled)
            {
                end = TrainingEnd.Cancelled;
                break;
            }
            if (isOutOfTime)
            {
                end = TrainingEnd.OutOfTime;
                progress
                    ?.Report(
                        new NoticeReport(
                            string.Create(System.Globalization.CultureInfo.InvariantCulture,
                                $"The time limit of {_options.TimeLimitMinutes} minutes is reached: saved at step {_step} of "
                                    + $"{_options.Steps}.")));
                break;
            }
            training.Start();
            var loss = TrainStep();
            training.Stop();
            TellOfRanks(progress);
            progress?.Report(Progress(loss, training.Elapsed, started));
            if (_step % WeightChecks == 0) CompareWeights();
            var wantsSave = Due(_options.CheckpointEvery);
            wantsSave |= Obey(_options.CheckpointMinutes > 0 && _sinceSaved.Elapsed.TotalMinutes >= _options.CheckpointMinutes, progress,
                cancellation);
            // The best model must be the one that was evaluated, not one of the steps around it.
            if (Due(_options.EvaluateEvery)) wantsSave |= Evaluate(progress, isFinal: false, cancellation) && _options.KeepBest;
            if (Due(_options.PicturesEvery) && _lastPictured != _step) MakePictures(progress, isFinal: false, cancellation);
            // The last checkpoint comes after the last evaluation, so that a run killed between them repeats both.
            if (wantsSave && _step < _options.Steps && !IsOutOfPatience) Save(progress);
            Told(_writer?.Poll(), progress);
            RefuseUnfit();
        }
        if (end == TrainingEnd.Completed)
        {
            if (IsOutOfPatience && _step < _options.Steps)
            {
                end = TrainingEnd.StoppedEarly;
                progress
                    ?.Report(
                        new NoticeReport(
                            $"No improvement of {_task.Headline.Name} in {_options.Patience} evaluations: stopped at step {_step}."));
            }
            if (_lastEvaluated != _step || _lastMetrics.Count == 0) Evaluate(progress, isFinal: true, cancellation);
            if (_lastPictured != _step) MakePictures(progress, isFinal: true, cancellation);
        }
        ReportWaiting(training.Elapsed, progress);
        if (_lastSaved != _step) Save(progress);
        Told(_writer?.Finish(), progress);
        RefuseUnfit();
        _recorder.Flush();
        return new TrainingResult(end, _step, _lastMetrics, _best.Value, _best.Step, clock.Elapsed);
    }

    /// <summary>Figures and pictures of the current weights (their average, if there is one), as at the end of training.</summary>
    public (IReadOnlyDictionary<string, double> Metrics,
        IReadOnlyList<TaskPicture> Pictures) EvaluateNow(CancellationToken cancellation = default)
        => InEvaluation(
            () => (_task.Evaluate(Context(isFinal: true, cancellation)),
                (IReadOnlyList<TaskPicture>)[
                    .. _task.Pictures(Context(isFinal: true, cancellation) with { Ranks = OneProcess.Instance })]));

    /// <summary>Runs <paramref name="work"/> with the module in evaluation mode, averaged weights in place, no gradients.</summary>
    public T InEvaluation<T>(Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        // Looking at the model must not move the random streams that dropout draws from.
        using var streams = new GlobalStreams();
        _task.Module.eval();
        if (_average is { Count: > 0 }) _average.Apply();
        try
        {
            return work();
        }
        finally
        {
            if (_average is { IsApplied: true }) _average.Restore();
            _task.Module.train();
            streams.Restore();
        }
    }

    /// <summary>Frees optimizer, averages and workers; the task is the caller's.</summary>
    public void Dispose()
    {
        _writer?.Dispose();
        _loader.Dispose();
        _average?.Dispose();
        _optimizer.Dispose();
        _streams.Dispose();
    }

    // Said where it costs something and can be mended.
    private void ReportWaiting(TimeSpan training, IProgress<TrainingReport>? progress)
    {
        if (training < TimeSpan.FromSeconds(20) || _waiting.Elapsed / training is not (> 0.05 and var share)) return;
        progress?.Report(new NoticeReport(string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"Waiting for data took {100 * share:0} % of training: more trainer.workers ({_options.Workers}), a larger "
                + $"data.cache_megabytes or smaller files would help.")));
    }

    private static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;

    private double TrainStep()
    {
        using var scope = NewDisposeScope();
        var isLogged = _step % _options.LogEvery == 0;
        var context = new StepContext(_step, _options.Steps, _streams.Shared, _device, _recorder, isLogged);
        double loss = 0;
        for (var part = 0; part < _options.Accumulate; part++)
        {
            using var inner = NewDisposeScope();
            GlobalStreams.Begin(_device, _options.Seed, _step, _ranks.Rank + (part * _ranks.Size));
            _streams.Enter(part);
            if (part == _options.Accumulate - 1) _exchange?.BeginLastPart();
            _waiting.Start();
            var batch = _loader.Next();
            _waiting.Stop();
            var value = _task.Loss(OnDevice(batch), context with { Generator = _streams.Of(part) });
            loss += value.ToDouble() / Parts;
            // Of several ranks none may leave alone: the sum of the losses tells all.
            if (_exchange is null && !double.IsFinite(loss)) throw Diverged($"the loss is {loss}");
            Derivatives.Backward(value);
            _streams.Leave(part);
        }
        if (_exchange is not null) loss = ExchangeGradients(loss);
        foreach (var hook in Hooks) hook.BeforeUpdate(context, _task.Module);
        var result = _optimizer.Step(_clipping, 1.0 / Parts, _average);
        if (_clipping is not null && !double.IsFinite(result.GradientNorm)) throw Diverged($"the gradient norm is {result.GradientNorm}");
        _optimizer.ZeroGrad();
        using (no_grad()) _task.AfterStep(context);
        ExchangeStatistics();
        if (isLogged)
        {
            _recorder.Scalar("train/loss", _step + 1, loss);
            _recorder.Scalar("train/epoch", _step + 1, _loader.Position.Epoch + ((double)_loader.Position.Batch / _loader.BatchesPerEpoch));
            _recorder.Scalar("train/learning_rate", _step + 1, _optimizer.Groups[0].LearningRate);
            if (_clipping is not null) _recorder.Scalar("train/gradient_norm", _step + 1, result.GradientNorm);
        }
        _schedule.Step();
        _step++;
        foreach (var hook in Hooks) hook.AfterStep(context, loss);
        return loss;
    }

    private Batch OnDevice(Batch batch) =>
        _device.type == DeviceType.CPU ? batch : new Batch(batch.Inputs.to(_device), batch.Targets?.to(_device));

    private bool Evaluate(IProgress<TrainingReport>? progress, bool isFinal, CancellationToken cancellation, bool isAsked = false)
    {
        _lastMetrics = EvaluateTogether(isFinal, cancellation);
        _lastEvaluated = _step;
        foreach (var (name, value) in _lastMetrics) _recorder.Scalar($"eval/{name}", _step, value);
        var isBest = _best.Add(_step, _lastMetrics, isAsked);
        var report = new EvaluationReport(_step, _lastMetrics, isBest);
        progress?.Report(report);
        foreach (var hook in Hooks) hook.AfterEvaluation(report);
        return isBest;
    }

    private void MakePictures(IProgress<TrainingReport>? progress, bool isFinal, CancellationToken cancellation)
    {
        _lastPictured = _step;
        OnRankZero(() =>
        {
            foreach (var picture in InEvaluation(
                () => _task.Pictures(Context(isFinal, cancellation) with { Ranks = OneProcess.Instance }).ToList()))
            {
                var path = _recorder.Picture(picture.Tag, _step, picture.Png, picture.Caption.Length == 0 ? null : picture.Caption);
                progress?.Report(new PictureReport(_step, path, picture));
            }
            foreach (var (tag,
                text) in InEvaluation(() => _task.Texts(Context(isFinal, cancellation) with { Ranks = OneProcess.Instance }).ToList()))
            {
                _recorder.Text(tag, _step, text);
                progress?.Report(new TextReport(_step, tag, text));
            }
        });
    }

    private EvaluationContext Context(bool isFinal, CancellationToken cancellation)
        => new(_step, Seeding.Generator(_options.Seed, "evaluation"), _device, isFinal || _step >= _options.Steps,
            cancellation)
        { Ranks = _task.EvaluatesInShares ? _ranks : OneProcess.Instance };

    private Loader MakeLoader(LoaderPosition position) => new(
        _task.TrainingData,
        new LoaderOptions
        {
            BatchSize = _options.BatchSize,
            Parts = Parts,
            Rank = _ranks.Rank,
            Ranks = _ranks.Size,
            Seed = _options.Seed,
            Workers = _options.Workers
        },
        position);

    private static void Recompute(nn.Module module, bool isWanted)
    {
        var able = module.modules().Prepend(module).OfType<IRecomputes>().ToList();
        if (isWanted && able.Count == 0)
            throw new ArgumentException(
                $"trainer.recompute: {module.GetName()} has no parts that can be computed again; trainer.accumulate saves memory with any "
                    + $"network.");
        foreach (var part in able) part.Recomputes = isWanted;
    }

    private bool IsOutOfPatience => _options.Patience > 0 && _best.EvaluationsSince >= _options.Patience;

    private bool Due(int every) => every > 0 && _step % every == 0;

    private StepReport Progress(double loss, TimeSpan elapsed, int started)
    {
        var rate = (_step - started) / Math.Max(elapsed.TotalSeconds, 1e-9);
        return new StepReport(_step, _options.Steps, _loader.Position.Epoch, loss, _optimizer.Groups[0].LearningRate, rate,
            rate * _options.BatchSize, TimeSpan.FromSeconds((_options.Steps - _step) / rate))
        {
            WaitingShare = _waiting.Elapsed / Max(elapsed, TimeSpan.FromTicks(1)),
        };
    }

    private TrainingDivergedException Diverged(string what, int? step = null)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var bad = _task.Module.named_parameters().FirstOrDefault(p => !p.parameter.isfinite().all().ToBoolean());
        var gradient = bad.parameter is null
            ? _task.Module.named_parameters()
                .FirstOrDefault(p => p.parameter.grad is { IsInvalid: false } g && !g.isfinite().all().ToBoolean()) : default;
        var where = bad.parameter is not null ? $"; the first bad parameter is '{bad.name}'" : gradient.parameter is not null
            ? $"; the first bad gradient is that of '{gradient.name}'" : "; weights and gradients are still finite";
        _recorder.Flush();
        // A checkpoint that is still being written is good unless its own look at the state says otherwise; then nothing is written.
        Told(_writer?.Finish(), null);
        return new TrainingDivergedException(step ?? _step, what + where, _lastGood);
    }
}
