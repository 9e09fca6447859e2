using System.Globalization;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Quantization;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Trains a VQ-VAE to rebuild pictures: squared error over the data's variance, plus the quantizer's own loss. Watches the codebook.</summary>
public sealed class TokenizerTask : ITrainingTask
{
    private readonly VqVae _model;
    private readonly TensorDataset _train;
    private readonly TensorDataset _test;
    private readonly double _variance;
    private readonly CodeUsage[] _recent;
    private readonly List<(int Step, double[] Used)> _history = [];
    private readonly HashSet<string> _warned = [];

    /// <summary>Builds model and data; initial weights follow <paramref name="seed"/>.</summary>
    public TokenizerTask(TokenizerOptions options, ulong seed)
    {
        options.ThrowIfInvalid();
        (_train, _test) = TokenizerData.Load(options);
        using var generator = new Generator(seed);
        _model = options.Build((int)_train.Inputs.size(1), generator);
        using var scope = NewDisposeScope();
        _variance = _train.Inputs.var().ToDouble();
        _model.StartOutputAt(_train.Inputs.mean([0, 2, 3]));
        _recent = [.. _model.Quantizers[0].CodebookSizes.Select(size => new CodeUsage(size))];
    }

    /// <summary>The model.</summary>
    public VqVae Model => _model;

    /// <inheritdoc/>
    public nn.Module Module => _model;

    /// <inheritdoc/>
    public IDataset TrainingData => _train;

    /// <inheritdoc/>
    public HeadlineMetric Headline { get; } = new("mse", HigherIsBetter: false);

    internal TensorDataset Train => _train;

    internal TensorDataset Test => _test;

    /// <inheritdoc/>
    public Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        var output = _model.call(batch.Inputs);
        var reconstruction = nn.functional.mse_loss(output.Reconstruction, batch.Inputs);
        var quantization = output.Quantization[0];
        for (var i = 0; i < _recent.Length; i++) _recent[i].Add(quantization.Statistics.Batch[i]);
        foreach (var warning in quantization.Statistics.Warnings)
        {
            if (_warned.Add(warning.Split('.')[0].Split(':')[0])) step.Recorder.Note($"Step {step.Step + 1}: {warning}");
        }
        if ((step.Step + 1) % 25 == 0)
        {
            // Usage over the last 25 batches: that of one batch alone would mislead.
            for (var i = 0; i < _recent.Length; i++)
            {
                var suffix = _recent.Length == 1 ? "" : $"_stage{i}";
                step.Recorder.Scalar($"train/codes_used{suffix}", step.Step + 1, _recent[i].Used);
                step.Recorder.Scalar($"train/perplexity{suffix}", step.Step + 1, _recent[i].Perplexity);
            }
            _history.Add((step.Step + 1, [.. _recent.Select(u => u.UsedShare)]));
            foreach (var usage in _recent) usage.Clear();
        }
        if (step.IsLogged)
        {
            step.Log("reconstruction", reconstruction.ToDouble());
            step.Log("restarted", quantization.Statistics.Restarted);
            foreach (var term in quantization.Terms) step.Log(term.Name, term.Value.ToDouble());
        }
        return (reconstruction / _variance) + output.QuantizerLoss();
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var usage = _model.Quantizers[0].CodebookSizes.Select(size => new CodeUsage(size)).ToArray();
        var error = 0.0;
        foreach (var batch in Loader.Once(_test, 512))
        {
            using var scope = NewDisposeScope();
            var inputs = batch.Inputs.to(context.Device);
            var output = _model.call(inputs);
            error += nn.functional.mse_loss(output.Reconstruction, inputs, nn.Reduction.Sum).ToDouble();
            for (var i = 0; i < usage.Length; i++) usage[i].Add(output.Quantization[0].Statistics.Batch[i]);
        }
        var mse = error / _test.Inputs.numel();
        var metrics = new Dictionary<string, double>
        {
            ["mse"] = mse,
            ["psnr"] = BitRate.PeakSignalToNoise(mse),
            ["bits_per_image"] = _model.BitsPerItem(_test.Inputs.size(2) * _test.Inputs.size(3)),
        };
        for (var i = 0; i < usage.Length; i++)
        {
            var suffix = usage.Length == 1 ? "" : $"_stage{i}";
            metrics[$"perplexity{suffix}"] = usage[i].Perplexity;
            metrics[$"codes_used{suffix}"] = usage[i].Used;
        }
        return metrics;
    }

    /// <inheritdoc/>
    public IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        yield return Reconstructions(context.Device);
        if (_history.Count > 1) yield return UsageOverTime();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _model.Dispose();
        _train.Dispose();
        _test.Dispose();
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

    private TaskPicture UsageOverTime()
    {
        var chart = new Chart(new ChartOptions { Title = "Codes in use", XLabel = "step", YLabel = "share of the codebook", Legend = LegendPlace.LowerRight });
        double[] steps = [.. _history.Select(h => (double)h.Step)];
        for (var i = 0; i < _recent.Length; i++)
        {
            double[] used = [.. _history.Select(h => h.Used[i])];
            chart.Line<double, double>(_recent.Length == 1 ? "codebook" : $"stage {i + 1}", steps, used);
        }
        return new TaskPicture("usage", chart.YLimits(0, 1.05).ToPng(), "Codes chosen at least once in 25 batches.");
    }
}
