using System.Diagnostics;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Runs;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>
/// Trains a task: accumulates, clips, steps, averages, evaluates, draws, saves. Knows no subject. A run that was killed at any
/// moment and resumed ends with the same bits as one that was not.
/// </summary>
/// <remarks>Run it on the main thread: glibc keeps freed memory only there.</remarks>
public sealed class Trainer : IDisposable
{
    private readonly ITrainingTask _task;
    private readonly TrainerOptions _options;
    private readonly IRunRecorder _recorder;
    private readonly CheckpointFolder? _checkpoints;
    private readonly Optimizer _optimizer;
    private readonly Scheduler _schedule;
    private readonly WeightAverage? _average;
    private readonly GradientClipping? _clipping;
    private readonly Generator _generator;
    private readonly Device _device;
    private readonly BestMetric _best;
    private Loader _loader;
    private int _step;
    private IReadOnlyDictionary<string, double> _lastMetrics = new Dictionary<string, double>();
    private int _lastEvaluated = -1;
    private int _lastSaved = -1;
    private int _lastPictured = -1;
    private string? _lastGood;

    /// <summary>Prepares training of <paramref name="task"/>; the task must have been made after <see cref="Seeding.Apply"/>.</summary>
    /// <param name="task">What to train.</param>
    /// <param name="options">How long and what to keep.</param>
    /// <param name="optimization">Optimizer and schedule.</param>
    /// <param name="recorder">Where values and pictures go.</param>
    /// <param name="checkpoints">Where checkpoints go; null saves none.</param>
    public Trainer(ITrainingTask task, TrainerOptions options, OptimizationOptions optimization, IRunRecorder recorder, CheckpointFolder? checkpoints = null)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(recorder);
        _task = task;
        _options = options.ThrowIfInvalid();
        _recorder = recorder;
        _checkpoints = checkpoints;
        _device = ComputeDevice.Resolve(options.Device);
        if (options.Threads > 0) set_num_threads(options.Threads);
        task.Module.to(_device);
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
                PrecisionNotice = "trainer.precision=bfloat16: this machine does not compute bfloat16 (no AVX512-BF16, AMX or GPU); training in float32.";
            }
        }
        _optimizer = optimization.ThrowIfInvalid().CreateOptimizer(task.Module, isNarrow);
        foreach (var auxiliary in task.Auxiliaries) auxiliary.Place(_device);
        _schedule = optimization.CreateSchedule(_optimizer, options.Steps);
        _average = options.EmaDecay > 0 ? new WeightAverage(task.Module, new WeightAverageOptions { Decay = options.EmaDecay, WarmUp = true }) : null;
        _clipping = options.ClipNorm > 0 ? GradientClipping.Norm(options.ClipNorm) : null;
        _generator = Seeding.Generator(options.Seed, "training");
        _best = new BestMetric(task.Headline);
        _loader = MakeLoader(default);
    }

    /// <summary>Why another precision is used than was asked for; null when it is as asked.</summary>
    public string? PrecisionNotice { get; }

    /// <summary>Finished steps.</summary>
    public int Step => _step;

    /// <summary>
    /// Goes on from the newest whole checkpoint, if there is one. <paramref name="notices"/> names damaged ones that were passed over.
    /// </summary>
    /// <exception cref="CheckpointException">It belongs to another model.</exception>
    /// <exception cref="InvalidDataException">It was made with another batch size or seed.</exception>
    public bool TryResume(out IReadOnlyList<string> notices)
    {
        notices = [];
        if (_checkpoints is null) return false;
        using var opened = _checkpoints.OpenNewest(out notices);
        if (opened is null) return false;
        Restore(opened.Source);
        _lastSaved = _step;
        _lastGood = Path.Combine(_checkpoints.FolderPath, opened.Checkpoint.File);
        return true;
    }

    /// <summary>Trains to the last step, to an early stop, or until cancelled (then the step is finished and saved).</summary>
    /// <exception cref="TrainingDivergedException">A loss, gradient or weight is no longer finite.</exception>
    public TrainingResult Run(IProgress<TrainingReport>? progress = null, CancellationToken cancellation = default)
    {
        var clock = Stopwatch.StartNew();
        var training = new Stopwatch();
        var started = _step;
        var end = TrainingEnd.Completed;
        if (PrecisionNotice is { } notice) progress?.Report(new NoticeReport(notice));
        _task.Module.train();
        while (_step < _options.Steps && !IsOutOfPatience)
        {
            if (cancellation.IsCancellationRequested)
            {
                end = TrainingEnd.Cancelled;
                break;
            }
            training.Start();
            var loss = TrainStep();
            training.Stop();
            progress?.Report(Progress(loss, training.Elapsed, started));
            if (Due(_options.EvaluateEvery)) Evaluate(progress, isFinal: false, cancellation);
            if (Due(_options.PicturesEvery)) MakePictures(progress, isFinal: false, cancellation);
            // The last checkpoint comes after the last evaluation, so that a run killed between them repeats both.
            if (Due(_options.CheckpointEvery) && _step < _options.Steps && !IsOutOfPatience) Save(progress);
        }
        if (end != TrainingEnd.Cancelled)
        {
            if (IsOutOfPatience && _step < _options.Steps)
            {
                end = TrainingEnd.StoppedEarly;
                progress?.Report(new NoticeReport($"No improvement of {_task.Headline.Name} in {_options.Patience} evaluations: stopped at step {_step}."));
            }
            if (_lastEvaluated != _step || _lastMetrics.Count == 0) Evaluate(progress, isFinal: true, cancellation);
            if (_lastPictured != _step) MakePictures(progress, isFinal: true, cancellation);
        }
        if (_lastSaved != _step) Save(progress);
        _recorder.Flush();
        return new TrainingResult(end, _step, _lastMetrics, _best.Value, _best.Step, clock.Elapsed);
    }

    /// <summary>Figures and pictures of the current weights (their average, if there is one), as at the end of training.</summary>
    public (IReadOnlyDictionary<string, double> Metrics, IReadOnlyList<TaskPicture> Pictures) EvaluateNow(CancellationToken cancellation = default)
        => InEvaluation(() => (_task.Evaluate(Context(isFinal: true, cancellation)), (IReadOnlyList<TaskPicture>)[.. _task.Pictures(Context(isFinal: true, cancellation))]));

    /// <summary>Runs <paramref name="work"/> with the module in evaluation mode, averaged weights in place, no gradients.</summary>
    public T InEvaluation<T>(Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        // Looking at the model must not move the random stream that dropout draws from.
        using var randomState = get_rng_state();
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
            set_rng_state(randomState);
        }
    }

    /// <summary>Frees optimizer, averages and workers; the task is the caller's.</summary>
    public void Dispose()
    {
        _loader.Dispose();
        _average?.Dispose();
        _optimizer.Dispose();
        _generator.Dispose();
    }

    private double TrainStep()
    {
        using var scope = NewDisposeScope();
        var isLogged = _step % _options.LogEvery == 0;
        var context = new StepContext(_step, _options.Steps, _generator, _device, _recorder, isLogged);
        double loss = 0;
        for (var part = 0; part < _options.Accumulate; part++)
        {
            using var inner = NewDisposeScope();
            var value = _task.Loss(OnDevice(_loader.Next()), context);
            loss += value.ToDouble() / _options.Accumulate;
            if (!double.IsFinite(loss)) throw Diverged($"the loss is {loss}");
            value.backward();
        }
        var result = _optimizer.Step(_clipping, 1.0 / _options.Accumulate, _average);
        if (_clipping is not null && !double.IsFinite(result.GradientNorm)) throw Diverged($"the gradient norm is {result.GradientNorm}");
        _optimizer.ZeroGrad();
        using (no_grad()) _task.AfterStep(context);
        if (isLogged)
        {
            _recorder.Scalar("train/loss", _step + 1, loss);
            _recorder.Scalar("train/learning_rate", _step + 1, _optimizer.Groups[0].LearningRate);
            if (_clipping is not null) _recorder.Scalar("train/gradient_norm", _step + 1, result.GradientNorm);
        }
        _schedule.Step();
        _step++;
        return loss;
    }

    private Batch OnDevice(Batch batch) => _device.type == DeviceType.CPU ? batch : new Batch(batch.Inputs.to(_device), batch.Targets?.to(_device));

    private void Evaluate(IProgress<TrainingReport>? progress, bool isFinal, CancellationToken cancellation)
    {
        _lastMetrics = InEvaluation(() => _task.Evaluate(Context(isFinal, cancellation)));
        _lastEvaluated = _step;
        foreach (var (name, value) in _lastMetrics) _recorder.Scalar($"eval/{name}", _step, value);
        var isBest = _best.Add(_step, _lastMetrics);
        progress?.Report(new EvaluationReport(_step, _lastMetrics, isBest));
    }

    private void MakePictures(IProgress<TrainingReport>? progress, bool isFinal, CancellationToken cancellation)
    {
        _lastPictured = _step;
        foreach (var picture in InEvaluation(() => _task.Pictures(Context(isFinal, cancellation)).ToList()))
        {
            var path = _recorder.Picture(picture.Tag, _step, picture.Png, picture.Caption.Length == 0 ? null : picture.Caption);
            progress?.Report(new PictureReport(_step, path, picture));
        }
    }

    private EvaluationContext Context(bool isFinal, CancellationToken cancellation)
        => new(_step, Seeding.Generator(_options.Seed, "evaluation"), _device, isFinal || _step >= _options.Steps, cancellation);

    private void Save(IProgress<TrainingReport>? progress)
    {
        if (_checkpoints is null) return;
        _lastSaved = _step;
        using var scope = NewDisposeScope();
        CheckFinite();
        using var optimizer = _optimizer.StateDict();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var (name, value) in StateDict.Of(_task.Module)) tensors[$"model/{name}"] = value;
        foreach (var (name, value) in optimizer.Tensors) tensors[$"optimizer/{name}"] = value;
        if (_average is not null)
        {
            foreach (var (name, value) in _average.Averages) tensors[$"average/{name}"] = value;
        }
        tensors["rng/global"] = get_rng_state();
        tensors["rng/training"] = _generator.get_state();
        var metadata = new Dictionary<string, string>(optimizer.ToMetadata());
        foreach (var auxiliary in _task.Auxiliaries) auxiliary.Save(tensors, metadata, scope);
        foreach (var (name, value) in _schedule.StateDict()) metadata[$"schedule.{name}"] = value.ToString("R", System.Globalization.CultureInfo.InvariantCulture);
        new TrainerState
        {
            Step = _step,
            Epoch = _loader.Position.Epoch,
            Batch = _loader.Position.Batch,
            BestMetric = double.IsNaN(_best.Value) ? null : _best.Value,
            BestStep = _best.Step,
            EvaluationsSinceBest = _best.EvaluationsSince,
            AverageCount = _average?.Count ?? 0,
            BatchSize = _options.BatchSize,
            Seed = _options.Seed,
            LastPictured = _lastPictured,
            Metrics = _lastEvaluated == _step ? _lastMetrics : null,
        }.Write(metadata);
        // Metrics up to this step must be on disk before a checkpoint says that the step was reached.
        _recorder.Flush();
        double? metric = _lastEvaluated == _step && _lastMetrics.TryGetValue(_task.Headline.Name, out var value2) ? value2 : null;
        var saved = _checkpoints.Save(_step, tensors, metadata, metric, _options.KeepLast, _options.KeepBest ? _task.Headline : null);
        _lastGood = Path.Combine(_checkpoints.FolderPath, saved.File);
        progress?.Report(new CheckpointReport(saved));
    }

    private void Restore(ITensorSource source)
    {
        var state = TrainerState.Read(source.Metadata, source.Path);
        if (state.BatchSize != _options.BatchSize) throw new InvalidDataException($"{source.Path} was made with trainer.batch_size={state.BatchSize}, now it is {_options.BatchSize}; the data order would differ. Start a new run instead.");
        if (state.Seed != _options.Seed) throw new InvalidDataException($"{source.Path} was made with trainer.seed={state.Seed}, now it is {_options.Seed}. Start a new run instead.");
        StateDict.Load(_task.Module, source, keys: KeyMap.Identity.Only("model/"));
        foreach (var auxiliary in _task.Auxiliaries) auxiliary.Restore(source);
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> Part(string prefix) => source.Entries.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(k => k[prefix.Length..], source.Read);
        _optimizer.LoadStateDict(OptimizerState.FromMetadata(Part("optimizer/"), source.Metadata));
        _schedule.LoadStateDict(source.Metadata.Where(m => m.Key.StartsWith("schedule.", StringComparison.Ordinal)).ToDictionary(m => m.Key["schedule.".Length..], m => double.Parse(m.Value, System.Globalization.CultureInfo.InvariantCulture)));
        _average?.LoadStateDict(Part("average/"), state.AverageCount);
        set_rng_state(source.Read("rng/global"));
        _generator.set_state(source.Read("rng/training"));
        _best.Restore(state.BestMetric ?? double.NaN, state.BestStep, state.EvaluationsSinceBest);
        _loader.Dispose();
        _loader = MakeLoader(new LoaderPosition(state.Epoch, state.Batch));
        _step = state.Step;
        _lastPictured = state.LastPictured;
        if (state.Metrics is { } metrics) (_lastEvaluated, _lastMetrics) = (_step, metrics);
    }

    private Loader MakeLoader(LoaderPosition position) => new(
        _task.TrainingData,
        new LoaderOptions { BatchSize = _options.BatchSize / _options.Accumulate, Seed = _options.Seed, Workers = _options.Workers },
        position);

    private bool IsOutOfPatience => _options.Patience > 0 && _best.EvaluationsSince >= _options.Patience;

    private bool Due(int every) => every > 0 && _step % every == 0;

    private StepReport Progress(double loss, TimeSpan elapsed, int started)
    {
        var rate = (_step - started) / Math.Max(elapsed.TotalSeconds, 1e-9);
        return new StepReport(_step, _options.Steps, _loader.Position.Epoch, loss, _optimizer.Groups[0].LearningRate, rate, rate * _options.BatchSize, TimeSpan.FromSeconds((_options.Steps - _step) / rate));
    }

    private void CheckFinite()
    {
        using var quiet = no_grad();
        foreach (var (name, value) in StateDict.Of(_task.Module))
        {
            // A sum is finite only when every summand is, short of overflow, which the full look then rules out.
            if (value.is_floating_point() && !double.IsFinite(value.sum().ToDouble()) && !value.isfinite().all().ToBoolean()) throw Diverged($"'{name}' holds values that are not finite");
        }
    }

    private TrainingDivergedException Diverged(string what)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var bad = _task.Module.named_parameters().FirstOrDefault(p => !p.parameter.isfinite().all().ToBoolean());
        var gradient = bad.parameter is null ? _task.Module.named_parameters().FirstOrDefault(p => p.parameter.grad is { IsInvalid: false } g && !g.isfinite().all().ToBoolean()) : default;
        var where = bad.parameter is not null ? $"; the first bad parameter is '{bad.name}'" : gradient.parameter is not null ? $"; the first bad gradient is that of '{gradient.name}'" : "; weights and gradients are still finite";
        _recorder.Flush();
        return new TrainingDivergedException(_step, what + where, _lastGood);
    }
}
