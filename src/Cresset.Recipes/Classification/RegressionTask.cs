using Cresset.Data;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Learns a number by the Huber loss, or another one, of the standardised target. Figures are in the target's own units: rmse and mae, and r2, the share of
/// its variance that is explained.
/// </summary>
public sealed class RegressionTask : ITrainingTask, ILearnsFromData
{
    private readonly RegressionOptions _options;
    private readonly FeatureNet _net;

    /// <summary>Takes the data over.</summary>
    internal RegressionTask(RegressionOptions options, DataSplit data)
    {
        (_options, Data) = (options, data);
        _net = RegressionJob.Net(options, data.Facts);
        Headline = new HeadlineMetric(data.Validation is null ? "rmse" : "validation_rmse", HigherIsBetter: false);
    }

    /// <inheritdoc/>
    public DataSplit Data { get; }

    /// <inheritdoc/>
    public nn.Module Module => _net;

    /// <inheritdoc/>
    public IDataset TrainingData => Data.Train;

    /// <inheritdoc/>
    public HeadlineMetric Headline { get; }

    /// <inheritdoc/>
    public Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var found = _net.call(batch.Inputs);
        return _options.Minimised().Of(found, batch.Targets!.reshape(found.shape));
    }

    /// <inheritdoc/>
    public bool EvaluatesInShares => true;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var metrics = new Dictionary<string, double>();
        if (Data.Validation is { } validation) metrics["validation_rmse"] = Errors(validation, context).Rmse;
        if (Data.Validation is not null && Data.Test is null) return metrics;
        var (rmse, mae, r2) = Errors(Data.Reported, context);
        metrics["rmse"] = rmse;
        metrics["mae"] = mae;
        metrics["r2"] = r2;
        return metrics;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _net.Dispose();
        Data.Dispose();
    }

    private (double Rmse, double Mae, double R2) Errors(IDataset part, EvaluationContext context)
    {
        var (wanted, given) = (new List<double>(), new List<double>());
        foreach (var record in context.Measure(part, 1024, batch => Record(batch, context.Device)))
        {
            for (var i = 0; i < record.Length; i += 2)
            {
                wanted.Add(record[i]);
                given.Add(record[i + 1]);
            }
        }
        var deviation = Data.Facts.Table?.TargetDeviation ?? 1;
        var mean = wanted.Average();
        double squared = 0, absolute = 0, spread = 0;
        for (var i = 0; i < wanted.Count; i++)
        {
            var error = wanted[i] - given[i];
            squared += error * error;
            absolute += Math.Abs(error);
            spread += (wanted[i] - mean) * (wanted[i] - mean);
        }
        return (deviation * Math.Sqrt(squared / wanted.Count), deviation * absolute / wanted.Count, spread == 0 ? 0 : 1 - (squared / spread));
    }

    // Target and answer of each example.
    private double[] Record(Batch batch, Device device)
    {
        var given = _net.call(batch.Inputs.to(device)).cpu().reshape(-1).to(ScalarType.Float64).data<double>();
        return [.. batch.Targets!.reshape(-1).to(ScalarType.Float64).data<double>().Zip(given).SelectMany(p => (double[])[p.First, p.Second])];
    }
}
