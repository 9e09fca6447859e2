using System.Globalization;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Quantization;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Trains a tokenizer to rebuild pictures: squared error over the data's variance, plus the quantizers' own loss, plus an adversarial term when
/// asked for. Watches the codebooks.
/// </summary>
public sealed class TokenizerTask : ITrainingTask
{
    private readonly TokenizerOptions _options;
    private readonly Tokenizer _model;
    private readonly TensorDataset _train;
    private readonly TensorDataset _test;
    private readonly double _variance;
    private readonly CodebookWatch _watch;
    private readonly AdversarialGame? _game;

    /// <summary>Builds model and data; initial weights follow <paramref name="seed"/>.</summary>
    public TokenizerTask(TokenizerOptions options, ulong seed)
    {
        _options = options.ThrowIfInvalid();
        (_train, _test) = TokenizerData.Load(options);
        using var generator = new Generator(seed);
        var channels = (int)_train.Inputs.size(1);
        _model = options.Build(channels, generator);
        _game = options.AdversarialWeight > 0 ? new AdversarialGame(options, channels, generator) : null;
        using var scope = NewDisposeScope();
        _variance = _train.Inputs.var().ToDouble();
        _model.StartOutputAt(_train.Inputs.mean([0, 2, 3]));
        _watch = new CodebookWatch(_model);
    }

    /// <summary>The model.</summary>
    public Tokenizer Model => _model;

    /// <inheritdoc/>
    public nn.Module Module => _model;

    /// <inheritdoc/>
    public IReadOnlyList<AuxiliaryModel> Auxiliaries => _game is null ? [] : [_game.Model];

    /// <inheritdoc/>
    public IDataset TrainingData => _train;

    /// <inheritdoc/>
    public HeadlineMetric Headline { get; } = new("mse", HigherIsBetter: false);

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
                foreach (var term in output.Quantization[level].Terms) step.Log(output.Quantization.Count == 1 ? term.Name : $"level{level}_{term.Name}", term.Value.ToDouble());
            }
        }
        var reconstruction = error / _variance;
        var loss = reconstruction + output.QuantizerLoss();
        return _game is null || step.Step < _options.AdversarialStart ? loss : loss + _game.Term(batch.Inputs, output.Reconstruction, reconstruction, _model.OutputWeight, step);
    }

    /// <inheritdoc/>
    public void AfterStep(StepContext step) => _game?.Step(step);

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var (error, usage) = Measure(context.Device);
        var metrics = new Dictionary<string, double>
        {
            ["mse"] = error,
            ["psnr"] = BitRate.PeakSignalToNoise(error),
            ["bits_per_image"] = _model.BitsPerItem(_test.Inputs.size(2) * _test.Inputs.size(3)),
        };
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
        yield return _watch.Ranking(Measure(context.Device).Usage);
        if (Distances(context.Device) is { } distances) yield return distances;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _game?.Dispose();
        _model.Dispose();
        _train.Dispose();
        _test.Dispose();
    }

    private (double Error, CodeUsage[] Usage) Measure(Device device)
    {
        var usage = CodebookWatch.Fresh(_model);
        var error = 0.0;
        foreach (var batch in Loader.Once(_test, 512))
        {
            using var scope = NewDisposeScope();
            var inputs = batch.Inputs.to(device);
            var output = _model.call(inputs);
            error += nn.functional.mse_loss(output.Reconstruction, inputs, nn.Reduction.Sum).ToDouble();
            CodebookWatch.Add(usage, output);
        }
        return (error / _test.Inputs.numel(), usage);
    }

    private TaskPicture? Distances(Device device)
    {
        if (_model is not VqVae single) return null;
        using var scope = NewDisposeScope();
        var latents = single.Latents(_test.Inputs.narrow(0, 0, Math.Min(512, _test.Count)).to(device));
        var quantized = single.Quantizers[0].QuantizeMap(latents).Quantized;
        return CodebookWatch.Distances(DistanceHistogram.Of(latents.movedim([1], [-1]), quantized.movedim([1], [-1])));
    }

    private TaskPicture Reconstructions(Device device)
    {
        using var scope = NewDisposeScope();
        var count = Math.Min(12, _test.Count);
        var inputs = _test.Inputs.narrow(0, 0, count).to(device);
        var rebuilt = _model.call(inputs).Reconstruction.clamp(0, 1);
        var both = cat([inputs, rebuilt]).cpu().contiguous();
        var grid = ImageGrid.Render(both.data<float>().ToArray(), 2 * count, (int)inputs.size(1), (int)inputs.size(2), (int)inputs.size(3), new ImageGridOptions
        {
            Columns = count,
            Scale = inputs.size(2) < 16 ? 6 : 2,
            Title = string.Create(CultureInfo.InvariantCulture, $"Above: test pictures; below: rebuilt from {_model.BitsPerItem(inputs.size(2) * inputs.size(3))} bits"),
        });
        return new TaskPicture("reconstructions", grid.ToPng(), "Held-out pictures and what comes back from their codes.");
    }
}
