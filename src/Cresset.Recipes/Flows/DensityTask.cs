using System.Globalization;
using Cresset.Data;
using Cresset.Flows;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// A flow with what lies between it and the data: dequantization and logits for pictures, the units of a table's columns.
/// </summary>
internal sealed class DataDensity(DensityModel flow, DataFacts facts) : IDisposable
{
    private const int GreyLevels = 256;
    private readonly LogitPreprocessing _logit = new();

    // d(standardised) = d(value) / deviation: the density in the table's own units is smaller by the deviations' product.
    private readonly double _units = facts.Table?.Columns.Sum(c => Math.Log(c.Deviation)) ?? 0;

    public DensityModel Flow => flow;

    /// <summary>Log density of rows in nats in their own units, or bits per dimension of pictures; [N].</summary>
    public Tensor Values(Tensor inputs, Generator generator)
    {
        if (!facts.ArePictures) return flow.LogProb(inputs) - _units;
        var (x, log) = Space(inputs, generator);
        var dimensions = facts.Shape.Aggregate(1L, (a, b) => a * b);
        return (-(flow.LogProb(x) + log) / (dimensions * Math.Log(2))) + Math.Log2(GreyLevels);
    }

    /// <summary>What is minimised: nats per row, bits per dimension.</summary>
    public Tensor Loss(Tensor inputs, Generator generator) =>
        facts.ArePictures ? Values(inputs, generator).mean() : -Values(inputs, generator).mean();

    /// <summary>Draws rows in the table's own units [N, F], or pictures [N, C, H, W] in 0..1.</summary>
    public Tensor Draw(int count, double temperature, Generator generator)
    {
        using var scope = NewDisposeScope();
        var drawn = flow.Sample(count, temperature: temperature, generator: generator).cpu();
        if (facts.ArePictures)
            return _logit.Inverse(drawn.reshape(count, -1)).Output.clamp(0, 1).reshape([count, .. facts.Shape]).MoveToOuterDisposeScope();
        if (facts.Table is { } table)
        {
            var mean = tensor(table.Columns.Select(c => (float)c.Mean).ToArray());
            var deviation = tensor(table.Columns.Select(c => (float)c.Deviation).ToArray());
            drawn = (drawn * deviation) + mean;
        }
        return drawn.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        flow.Dispose();
        _logit.Dispose();
    }

    private (Tensor Values, Tensor LogAbsDet) Space(Tensor inputs, Generator generator)
    {
        var counts = (inputs.flatten(1) * (GreyLevels - 1)).round();
        var (z, log) = _logit.Forward(Dequantization.Uniform(counts, GreyLevels, generator));
        return (flow.TakesPictures() ? z.reshape([z.size(0), .. facts.Shape]) : z, log);
    }
}

/// <summary>Maximum likelihood of rows or pictures.</summary>
internal sealed class DensityTask : ITrainingTask, ILearnsFromData, IExportsGraphs
{
    private readonly DensityOptions _options;
    private readonly DataDensity _density;
    private const double AlarmShown = 0.05;
    private readonly string _figure;
    private (int Step, DensityCalibration Calibration, double[] Reported)? _curve;

    /// <summary>Takes the data over.</summary>
    internal DensityTask(DensityOptions options, DataSplit data)
    {
        (_options, Data) = (options, data);
        var facts = data.Facts;
        if (facts.Table?.Columns.FirstOrDefault(c => c.Levels is not null) is { } named)
        {
            throw new DataMismatchException(
                $"{facts.Name}: column '{named.Name}' holds classes; a density needs numbers. Leave it out: "
                    + $"data.leave_out=[{named.Name}].");
        }
        _density = new DataDensity(options.Create(facts), facts);
        _figure = facts.ArePictures ? "bits_per_dimension" : "nats_per_row";
        Headline = new HeadlineMetric(data.Validation is null ? _figure : $"validation_{_figure}", HigherIsBetter: false);
    }

    /// <inheritdoc/>
    public DataSplit Data { get; }

    /// <inheritdoc/>
    public nn.Module Module => _density.Flow;

    /// <inheritdoc/>
    public IDataset TrainingData => Data.Train;

    /// <inheritdoc/>
    public HeadlineMetric Headline { get; }

    /// <inheritdoc/>
    public Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        return _density.Loss(batch.Inputs, step.Generator);
    }

    /// <inheritdoc/>
    public bool EvaluatesInShares => true;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var metrics = new Dictionary<string, double>();
        double Mean(double[] logs) => -logs.Average();
        var chosen = Data.Validation is { } validation ? LogDensities(validation, context) : null;
        if (chosen is not null) metrics[$"validation_{_figure}"] = Mean(chosen);
        if (chosen is not null && Data.Test is null) return metrics;
        var reported = LogDensities(Data.Reported, context);
        metrics[_figure] = Mean(reported);
        if (chosen is null) return metrics;
        // Thresholds from the validation rows, false alarms counted among the test rows: near the rate asked for where the calibration
        // holds.
        var calibration = DensityCalibration.Of(chosen, "validation");
        if (calibration.LeastRate <= AlarmShown)
            metrics["alarms_at_5_percent"] = reported.Count(v => calibration.PValue(v) <= AlarmShown) / (double)reported.Length;
        _curve = (context.Step, calibration, reported);
        return metrics;
    }

    /// <summary>
    /// What a new row's density is compared with: the validation part, or the test part; where the split keeps neither, the training part,
    /// whose rows look likelier than new ones.
    /// </summary>
    internal DensityCalibration Calibrate()
    {
        var (part, name) = Data.Validation is { } validation ? (validation, "validation part") : Data.Test is { } test ? (test, "test part")
            : (Data.Train, "training part, which the model has seen");
        using var generator = new Generator(0);
        using var quiet = no_grad();
        var parameter = Module.parameters().First();
        return DensityCalibration.Of(
            LogDensities(part, new EvaluationContext(0, generator, parameter.device, IsFinal: true, CancellationToken.None)), name);
    }

    /// <inheritdoc/>
    public IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        foreach (var temperature in Data.Facts.ArePictures ? _options.Temperatures : [1])
            yield return Samples(0, temperature, context.Generator).Pictures[0];
        if (_curve is { } curve && curve.Step == context.Step) yield return CalibrationPicture(curve.Calibration, curve.Reported);
    }

    // Asked-for rates against the share of test rows that give an alarm: the diagonal where thresholds hold.
    private static TaskPicture CalibrationPicture(DensityCalibration calibration, double[] reported)
    {
        double[] ps = [.. reported.Select(calibration.PValue).Order()], rates = [.. Enumerable.Range(0, 101).Select(i => i / 100.0)];
        double[] shares = [.. rates.Select(r => ps.Count(p => p <= r) / (double)ps.Length)];
        var chart =
            new Chart(
                new ChartOptions
                {
                    Title = "Alarms among rows that are not anomalies",
                    Width = 560,
                    Height = 520,
                    XLabel = "alarm rate asked for",
                    YLabel = "share of test rows with an alarm"
                })
            .Line<double, double>("test rows", rates, shares)
            .Line<double, double>("as asked for", [0, 1], [0, 1]);
        return new TaskPicture("calibration", chart.ToPng(), "Thresholds from the validation part, alarms in the test part.");
    }

    /// <summary>Pictures side by side, or the first two columns of drawn rows over those of real ones.</summary>
    internal Drawing Samples(int count, double temperature, Generator generator)
    {
        using var scope = NewDisposeScope();
        var facts = Data.Facts;
        var title = string.Create(CultureInfo.InvariantCulture, $"Drawn at temperature {temperature:0.##}");
        if (facts.ArePictures)
        {
            var pictures = _density.Draw(count > 0 ? count : 24, temperature, generator).contiguous();
            var grid = ImageGrid.Render(pictures.data<float>().ToArray(), (int)pictures.size(0), (int)facts.Shape[0], (int)facts.Shape[1],
                (int)facts.Shape[2], new ImageGridOptions { Columns = 12, Title = title, Scale = facts.Shape[1] < 16 ? 5 : 2 });
            return new Drawing(
                [new TaskPicture(string.Create(CultureInfo.InvariantCulture, $"samples-{temperature:0.##}"), grid.ToPng(), title)],
                pictures.MoveToOuterDisposeScope());
        }
        var drawn = _density.Draw(count > 0 ? count : 1000, temperature, generator);
        var chart = new Chart(
            new ChartOptions { Title = title, Width = 620, Height = 560, XLabel = Name(0), YLabel = Name(Math.Min(1, drawn.size(1) - 1)) });
        void Add(string label, Tensor rows) =>
            chart.Scatter<float, float>(label, Column(rows, 0), Column(rows, Math.Min(1, rows.size(1) - 1)), 3);
        var canBeHad = LateExamples.CanBeHad(Data);
        if (canBeHad) Add("rows", Original(Data.Train.Spread(1000).Inputs));
        Add("drawn", drawn);
        var picture = new TaskPicture("samples", chart.ToPng(), canBeHad
            ? "The first two columns: training rows, and rows drawn from the density."
            : "The first two columns of rows drawn from the density; the training rows are not there to be shown beside them.");
        return new Drawing([picture], drawn.MoveToOuterDisposeScope()) { Columns = facts.Table?.Features };
    }

    IReadOnlyList<ExportedGraph> IExportsGraphs.Graphs()
    {
        var facts = Data.Facts;
        // Pictures are dequantized by random numbers, which a file cannot hold: the flow is exported in its own space.
        if (facts.ArePictures || facts.Table is not { } table)
            return FlowExports.Of(_density.Flow,
                _density.Flow.TakesPictures() ? [.. facts.Shape] : [facts.Shape.Aggregate(1L, (a, b) => a * b)]);
        var prepare = DataExports.Prepare(facts);
        var units = table.Columns.Sum(c => Math.Log(c.Deviation));
        var (mean, deviation) = (tensor(table.Columns.Select(c => (float)c.Mean).ToArray()),
            tensor(table.Columns.Select(c => (float)c.Deviation).ToArray()));
        var rows = DataExports.Example(facts);
        var metadata = DataExports.Metadata(facts);
        return
        [
            new("log-density", Module, x => [_density.Flow.LogProb(prepare(x[0])) - units], [rows], ["row"],
                ["log_density"]) { Metadata = metadata },
            new("sample", Module, x => [(_density.Flow.Decode(x[0]) * deviation) + mean], [_density.Flow.Encode(prepare(rows))], ["latent"],
                ["row"]) { Metadata = metadata },
        ];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _density.Dispose();
        Data.Dispose();
    }

    private static float[] Column(Tensor rows, long column) =>
        rows.select(1, column).contiguous().to(ScalarType.Float32).data<float>().ToArray();

    private string Name(long column) => Data.Facts.Table is { } table ? table.Features[(int)column] : $"column {column}";

    private Tensor Original(Tensor rows)
    {
        if (Data.Facts.Table is not { } table) return rows;
        return (rows * tensor(table.Columns.Select(c => (float)c.Deviation).ToArray()))
            + tensor(table.Columns.Select(c => (float)c.Mean).ToArray());
    }

    // Of rows in nats, of pictures in bits per dimension with its sign turned.
    private double[] LogDensities(IDataset part, EvaluationContext context)
    {
        using var quiet = no_grad();
        return [.. context.Measure(part, 256, Record).SelectMany(record => record)];

        double[] Record(Batch batch, Generator stream)
        {
            var values = _density.Values(batch.Inputs.to(context.Device), stream).cpu().to(ScalarType.Float64).contiguous().data<double>();
            return [.. Data.Facts.ArePictures ? values.Select(v => -v) : values];
        }
    }
}
