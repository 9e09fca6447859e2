using System.Globalization;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Quantization;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Trains a tokenizer to rebuild pictures: squared error over the data's variance, plus the quantizers' own loss, plus an adversarial term
/// when asked for. Watches the codebooks.
/// </summary>
internal sealed class TokenizerTask : ITrainingTask, ILearnsFromData, IExportsGraphs
{
    private const int MostForVariance = 8192;
    private readonly TokenizerOptions _options;
    private readonly Tokenizer _model;
    private readonly IDataset _train;
    private readonly IDataset? _validation;
    private readonly IDataset _test;
    private readonly TokenizerSubject _subject;
    private readonly double _variance;
    private readonly CodebookWatch _watch;
    private readonly AdversarialGame? _game;
    private readonly PerceptualGame? _perceptual;

    /// <summary>Builds the model and takes the data over; initial weights follow <paramref name="seed"/>.</summary>
    public TokenizerTask(TokenizerOptions options, DataSplit data, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(data);
        _options = options.ThrowIfInvalid();
        Data = data;
        _subject = TokenizerSubject.Of(options, data.Facts);
        _train = _subject.Bring(data.Train);
        _validation = data.Validation is { } validation && data.Test is not null ? _subject.Bring(validation) : null;
        _test = _subject.Bring(data.Reported);
        Headline = new HeadlineMetric(_validation is null ? "mse" : "validation_mse", HigherIsBetter: false);
        using var generator = new Generator(seed);
        var channels = (int)data.Facts.Shape[0];
        _model = options.Build(channels, generator);
        // Scales that end with another side than the maps have are known before the first batch.
        _model.CodeShapes([.. _subject.Shape.Skip(1)]);
        _game = options.AdversarialWeight > 0 ? new AdversarialGame(options, channels, generator) : null;
        _perceptual = options.PerceptualWeight > 0 ? new PerceptualGame(options, channels, generator) : null;
        _watch = new CodebookWatch(_model);
        // What follows is where training begins.
        if (LateExamples.Are(data)) return;
        using var scope = NewDisposeScope();
        // Enough pictures for two figures; all of them where the set is small.
        // At most 2^27 numbers (512 MB), so that large pictures fit as well.
        var some = _train.Take((int)Math.Clamp((1L << 27) / _subject.Shape.Aggregate(1L, (a, b) => a * b), 16, MostForVariance)).Inputs;
        _variance = some.var().ToDouble();
        if (_variance == 0)
            throw new DataMismatchException(
                $"{data.Facts.Name}: all {(data.Facts.Sound is null ? "pixels" : "samples")} have the same value; there is nothing to "
                    + $"learn.");
        _model.StartOutputAt(some.mean([0, .. Enumerable.Range(2, (int)some.dim() - 2).Select(d => (long)d)]));
    }

    /// <inheritdoc/>
    public DataSplit Data { get; }

    /// <summary>At most <paramref name="count"/> of the pictures [N, C, H, W] that were held back.</summary>
    /// <exception cref="DataMismatchException">The tokenizer learned from sounds.</exception>
    internal Tensor HeldOut(int count) =>
        Data.Facts.Sound is null ? _test.Take(Math.Min(count, _test.Count)).Inputs
            : throw new DataMismatchException($"{Data.Facts.Name} are sounds, which have no pictures; 'cresset eval' draws their curves.");

    /// <summary>The model.</summary>
    public Tokenizer Model => _model;

    /// <inheritdoc/>
    public nn.Module Module => _model;

    /// <inheritdoc/>
    public IReadOnlyList<AuxiliaryModel> Auxiliaries => [.. new[] { _game?.Model, _perceptual?.Model }.OfType<AuxiliaryModel>()];

    /// <inheritdoc/>
    public ISaved Memory => _watch;

    /// <inheritdoc/>
    public IDataset TrainingData => _train;

    /// <inheritdoc/>
    public HeadlineMetric Headline { get; }

    /// <inheritdoc/>
    public Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        var output = _model.call(batch.Inputs);
        var error = nn.functional.mse_loss(output.Reconstruction, batch.Inputs);
        _watch.Observe(output, step);
        if (step.IsLogged)
        {
            step.Log("reconstruction", error.ToDouble());
            step.Log("restarted", output.Quantization.Sum(q => q.Statistics.Restarted));
            for (var level = 0; level < output.Quantization.Count; level++)
            {
                foreach (var term in output.Quantization[level].Terms)
                    step.Log(output.Quantization.Count == 1 ? term.Name : $"level{level}_{term.Name}", term.Value.ToDouble());
            }
        }
        var reconstruction = error / _variance;
        if (_perceptual?.Term(batch.Inputs, output.Reconstruction, step) is { } perceptual) reconstruction = reconstruction + perceptual;
        var loss = reconstruction + output.QuantizerLoss();
        return _game is null || step.Step < _options.AdversarialStart ? loss
            : loss + _game.Term(batch.Inputs, output.Reconstruction, reconstruction, _model.OutputWeight, step);
    }

    /// <inheritdoc/>
    public void AfterStep(StepContext step)
    {
        _game?.Step(step);
        _perceptual?.Step(step);
    }

    /// <inheritdoc/>
    public bool EvaluatesInShares => true;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var (error, power, usage) = Measure(_test, context);
        var metrics = new Dictionary<string, double> { ["mse"] = error };
        foreach (var (name, value) in _subject.Figures(error, power, _model)) metrics[name] = value;
        if (_validation is not null) metrics["validation_mse"] = Measure(_validation, context).Error;
        for (var i = 0; i < usage.Length; i++)
        {
            metrics[$"perplexity{_watch.Suffixes[i]}"] = usage[i].Perplexity;
            metrics[$"codes_used{_watch.Suffixes[i]}"] = usage[i].Used;
        }
        return metrics;
    }

    /// <inheritdoc/>
    public IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        yield return Reconstructions(context.Device);
        if (_watch.OverTime() is { } usage) yield return usage;
        yield return _watch.Ranking(Measure(_test, context).Usage);
        if (Distances(context.Device) is { } distances) yield return distances;
    }

    IReadOnlyList<ExportedGraph> IExportsGraphs.Graphs()
    {
        using var generator = new Generator(0);
        var examples = rand([2, .. _subject.Shape], generator: generator);
        var codes = _model.Encode(examples);
        string[] names = codes.Count == 1 ? ["codes"]
            : [.. Enumerable.Range(0, codes.Count).Select(i => string.Create(CultureInfo.InvariantCulture, $"codes{i}"))];
        var metadata =
            new Dictionary<string, string>
            {
                ["codebook_sizes"] =
                string.Join(";", _model.Quantizers.Select(q => string.Join(",", q.CodebookSizes))),
                ["input"] = _subject.Values
            };
        return
        [
            new("encoder", _model, x => [.. _model.Encode(x[0])], [examples], [_subject.Name], names) { Metadata = metadata },
            new("decoder", _model, x => [_model.Decode(x)], codes, names, [_subject.Name]) { Metadata = metadata },
        ];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _game?.Dispose();
        _perceptual?.Dispose();
        _model.Dispose();
        Data.Dispose();
    }

    private (double Error, double Power, CodeUsage[] Usage) Measure(IDataset part, EvaluationContext context)
    {
        var usage = CodebookWatch.Fresh(_model);
        var (error, power) = (0.0, 0.0);
        var values = 0L;
        foreach (var record in context.Measure(part, 256, batch => Record(batch, context.Device)))
        {
            error += record[0];
            values += (long)record[1];
            power += record[2];
            CodebookWatch.Add(usage, record.AsSpan(3));
        }
        return (error / values, power / values, usage);
    }

    // Squared error, how many values, their squares, then how often each code was chosen.
    private double[] Record(Batch batch, Device device)
    {
        var inputs = batch.Inputs.to(device);
        var output = _model.call(inputs);
        return [nn.functional.mse_loss(output.Reconstruction, inputs, nn.Reduction.Sum).ToDouble(), inputs.numel(),
            inputs.square().sum().ToDouble(), .. CodebookWatch.Choices(output)];
    }

    private TaskPicture? Distances(Device device)
    {
        if (_model is not VqVae single) return null;
        using var scope = NewDisposeScope();
        var latents = single.Latents(
            _test.Take((int)Math.Clamp((1L << 24) / _subject.Shape.Aggregate(1L, (a, b) => a * b), 8, 512)).Inputs.to(device));
        var quantized = single.Quantizers[0].QuantizeMap(latents).Quantized;
        return CodebookWatch.Distances(DistanceHistogram.Of(latents.movedim([1], [-1]), quantized.movedim([1], [-1])));
    }

    private TaskPicture Reconstructions(Device device)
    {
        using var scope = NewDisposeScope();
        var inputs = _test.Spread(Math.Min(_subject.Shown, _test.Count)).Inputs.to(device);
        return _subject.Reconstructions(inputs, _model.call(inputs).Reconstruction, _model);
    }
}
