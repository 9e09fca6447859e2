using Cresset.Data;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Training;

public sealed partial class Trainer
{
    private const string TaskPart = "task";

    /// <summary>
    /// Puts in weights, optimizer, averages, schedule, random streams, the position in the data and the numbers of the loop.
    /// </summary>
    public void Save(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        using var scope = NewDisposeScope();
        state.Put("model", _task.Module);
        _optimizer.Save(state);
        _schedule.Save(state);
        if (_average is not null) state.Put("average", _average);
        foreach (var auxiliary in _task.Auxiliaries) state.Part("auxiliary").Put(auxiliary.Name, auxiliary);
        if (_task.Memory is { } memory) state.Put(TaskPart, memory);
        _streams.Save(state);
        new TrainerState
        {
            Step = _step,
            Epoch = _loader.Position.Epoch,
            Batch = _loader.Position.Batch,
            Parts = Parts,
            BestMetric = double.IsNaN(_best.Value) ? null : _best.Value,
            BestStep = _best.Step,
            EvaluationsSinceBest = _best.EvaluationsSince,
            BatchSize = _options.BatchSize,
            Seed = _options.Seed,
            LastPictured = _lastPictured,
            Metrics = _lastEvaluated == _step ? _lastMetrics : null,
        }.Save(state);
    }

    /// <summary>Goes on where <see cref="Save(Snapshot)"/> was called, in a trainer of the same task and options.</summary>
    /// <exception cref="CheckpointException">It belongs to another model.</exception>
    /// <exception cref="InvalidDataException">It was made with another batch size, seed or other options.</exception>
    public void Load(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var numbers = TrainerState.Of(state);
        if (numbers.BatchSize != _options.BatchSize)
            throw new InvalidDataException(
                $"{state.Origin} was made with trainer.batch_size={numbers.BatchSize}, now it is {_options.BatchSize}; the data order "
                    + $"would differ. Start a new run instead.");
        if (numbers.Seed != _options.Seed)
            throw new InvalidDataException(
                $"{state.Origin} was made with trainer.seed={numbers.Seed}, now it is {_options.Seed}. Start a new run instead.");
        using var scope = NewDisposeScope();
        state.Get("model", _task.Module);
        _optimizer.Load(state);
        _schedule.Load(state);
        if (_average is not null)
        {
            // Earlier versions kept the count among the numbers.
            if (!state.Has("average/average.count")) state.Put("average/average.count", numbers.AverageCount);
            state.Get("average", _average);
        }
        foreach (var auxiliary in _task.Auxiliaries) state.Part("auxiliary").Get(auxiliary.Name, auxiliary);
        // Earlier versions forgot it: their windows begin anew.
        if (_task.Memory is { } memory && state.Has(TaskPart)) state.Get(TaskPart, memory);
        try
        {
            _streams.Load(state, numbers.Step);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"{state.Origin}: {e.Message}", e);
        }
        _best.Restore(numbers.BestMetric ?? double.NaN, numbers.BestStep, numbers.EvaluationsSinceBest);
        _loader.Dispose();
        _loader = MakeLoader(new LoaderPosition(numbers.Epoch, WholeBatches(numbers)));
        if (numbers.Parts > 0 && numbers.Parts != Parts)
        {
            _ranksNotices.Add(
                $"Saved with batches in {numbers.Parts} parts (ranks x trainer.accumulate), now {Parts}: the order of the examples stays; "
                    + $"dropout and other draws of parts that are new begin anew.");
        }
        _step = _lastSaved = numbers.Step;
        _lastGood = state.Origin;
        _lastPictured = numbers.LastPictured;
        (_lastEvaluated, _lastMetrics) = numbers.Metrics is { } metrics ? (_step, metrics) : (-1, new Dictionary<string, double>());
    }

    // Earlier versions cut an epoch into pieces of a batch, and counted them: what was begun of a batch is taken again.
    private int WholeBatches(TrainerState numbers)
        => numbers.Parts > 0 || _options.Accumulate == 1 ? numbers.Batch
            : Math.Min(numbers.Batch / _options.Accumulate, _loader.BatchesPerEpoch);

    private void Save(IProgress<TrainingReport>? progress)
    {
        if (_checkpoints is null) return;
        _lastSaved = _step;
        _sinceSaved.Restart();
        if (_writer is null)
        {
            // Another rank than 0 gives its random streams; the rest is the same everywhere.
            using var own = new Snapshot();
            using var patience = Patience();
            _streams.Save(own);
            return;
        }
        var state = _writer.Begin();
        Save(state);
        double? metric = _lastEvaluated == _step && _lastMetrics.TryGetValue(_task.Headline.Name, out var value) ? value : null;
        // What was recorded up to this step must be on disk before a checkpoint says that the step was reached.
        _recorder.Flush();
        Told(_writer.Save(_step, state, metric, NotFinite), progress);
        RefuseUnfit();
    }

    private void Told(Checkpoint? saved, IProgress<TrainingReport>? progress)
    {
        if (saved is null) return;
        _lastGood = Path.Combine(_checkpoints!.FolderPath, saved.File);
        progress?.Report(new CheckpointReport(saved));
        foreach (var hook in Hooks) hook.AfterSave(saved);
    }

    // Looked at where the checkpoint is written, so that training does not wait for it: a state that is not worth a file ends training a
    // few steps later.
    private void RefuseUnfit()
    {
        if (_writer?.Refused is { } refused) throw Diverged(refused.Reason, refused.Step);
    }

    private static string? NotFinite(Snapshot state)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        foreach (var (name, value) in state.Under("model/"))
        {
            // A sum is finite only when every summand is, short of overflow, which the full look then rules out.
            if (value.is_floating_point() && !double.IsFinite(value.sum().ToDouble()) && !value.isfinite().all().ToBoolean())
                return $"'{name}' holds values that are not finite";
        }
        return null;
    }
}
