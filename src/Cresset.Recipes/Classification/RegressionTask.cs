using Cresset.Data;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Learns a number by the Huber loss, or another one, of the standardised target. Figures are in the target's own units: rmse and mae, and
/// r2, the share of its variance that is explained.
/// </summary>
internal sealed class RegressionTask : DataTask, IExportsGraphs
{
    private readonly RegressionOptions _options;
    private readonly FeatureNet _net;

    /// <summary>Takes the data over.</summary>
    internal RegressionTask(RegressionOptions options, DataSplit data)
        : base(data, "rmse", higherIsBetter: false) => (_options, _net) = (options, RegressionJob.Net(options, data.Facts));

    /// <inheritdoc/>
    public override nn.Module Module => _net;

    /// <inheritdoc/>
    public override Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var found = _net.call(batch.Inputs);
        return _options.Minimised().Of(found, batch.Targets!.reshape(found.shape));
    }

    private protected override IEnumerable<(string Name, double Value)> Choose(IDataset part, EvaluationContext context) =>
        [("rmse", Errors(part, context).Rmse)];

    private protected override IEnumerable<(string Name, double Value)> Report(IDataset part, EvaluationContext context)
    {
        var (rmse, mae, r2) = Errors(part, context);
        return [("rmse", rmse), ("mae", mae), ("r2", r2)];
    }

    IReadOnlyList<ExportedGraph> IExportsGraphs.Graphs()
    {
        var prepare = DataExports.Prepare(Data.Facts);
        var (mean, deviation) = (Data.Facts.Table?.TargetMean ?? 0, Data.Facts.Table?.TargetDeviation ?? 1);
        return
        [
            new("", _net, x => [(_net.call(prepare(x[0])) * deviation) + mean], [DataExports.Example(Data.Facts)],
                [DataExports.InputName(Data.Facts)], ["value"])
            {
                Metadata = DataExports.Metadata(Data.Facts),
            },
        ];
    }

    /// <inheritdoc/>
    public override IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var (mean, deviation) = (Data.Facts.Table?.TargetMean ?? 0, Data.Facts.Table?.TargetDeviation ?? 1);
        var (wanted, given) = Pairs(Data.Reported, context);
        double[] targets = [.. wanted.Select(v => (v * deviation) + mean)], answers = [.. given.Select(v => (v * deviation) + mean)];
        double low = Math.Min(targets.Min(), answers.Min()), high = Math.Max(targets.Max(), answers.Max());
        var target = Data.Facts.Table?.Target is { Length: > 0 } name ? name : "target";
        var chart =
            new Chart(
                new ChartOptions
                {
                    Title = "Held-out examples",
                    Width = 560,
                    Height = 520,
                    XLabel = target,
                    YLabel = $"{target}, as the net says",
                    Legend = LegendPlace.UpperLeft
                })
            .Line<double, double>("right", [low, high], [low, high])
            .Scatter<double, double>("examples", targets, answers, 4);
        // The rows to look at first.
        int[] worst = [.. Enumerable.Range(0, targets.Length).OrderByDescending(i => Math.Abs(targets[i] - answers[i])).Take(8)];
        chart.Scatter<double, double>("the worst", [.. worst.Select(i => targets[i])], [.. worst.Select(i => answers[i])], 7);
        yield return new TaskPicture("answers", chart.ToPng(), "What was asked for and what the net says; the line is where both agree.");
    }

    private (double Rmse, double Mae, double R2) Errors(IDataset part, EvaluationContext context)
    {
        var (wanted, given) = Pairs(part, context);
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
        return (deviation * Math.Sqrt(squared / wanted.Count), deviation * absolute / wanted.Count,
            spread == 0 ? 0 : 1 - (squared / spread));
    }

    private (List<double> Wanted, List<double> Given) Pairs(IDataset part, EvaluationContext context)
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
        return (wanted, given);
    }

    // Target and answer of each example.
    private double[] Record(Batch batch, Device device)
    {
        var given = _net.call(batch.Inputs.to(device)).cpu().reshape(-1).to(ScalarType.Float64).data<double>();
        return [.. batch.Targets!.reshape(-1).to(ScalarType.Float64).data<double>().Zip(given)
            .SelectMany(p => (double[])[p.First, p.Second])];
    }
}
