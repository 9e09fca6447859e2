using System.Globalization;
using Cresset.Data;
using Cresset.Flows;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Maximum likelihood of parameters given observations; judged by that likelihood of held-out pairs and by simulation-based calibration
/// (Talts et al. 2018): the rank of the true parameter among posterior draws is uniform where the posterior is right.
/// </summary>
internal sealed class PosteriorTask : ITrainingTask, ILearnsFromData
{
    private const int RankBins = 20;
    private const int DrawsAtOnce = 8;
    private readonly PosteriorOptions _options;
    private readonly DensityModel _flow;
    private readonly Tensor _parameters;
    private readonly Tensor _observed;
    private readonly double _units;
    private (int Step, double[][] Ranks)? _ranks;

    /// <summary>Takes the data over.</summary>
    internal PosteriorTask(PosteriorOptions options, DataSplit data)
    {
        (_options, Data) = (options.ThrowIfInvalid(), data);
        Columns = PosteriorColumns.Of(options, data.Facts);
        _flow = options.Create(Columns);
        _parameters = tensor(Columns.Parameters).DetachFromDisposeScope();
        _observed = tensor(Columns.Observed).DetachFromDisposeScope();
        // d(standardised) = d(value) / deviation: the density in the parameters' own units.
        _units = Columns.Parameters.Sum(i => Math.Log(Columns.All[(int)i].Deviation));
        Headline = new HeadlineMetric(data.Validation is null ? "nats" : "validation_nats", HigherIsBetter: false);
    }

    /// <inheritdoc/>
    public DataSplit Data { get; }

    /// <inheritdoc/>
    public nn.Module Module => _flow;

    /// <inheritdoc/>
    public IDataset TrainingData => Data.Train;

    /// <inheritdoc/>
    public HeadlineMetric Headline { get; }

    internal PosteriorColumns Columns { get; }

    /// <inheritdoc/>
    public Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        var (parameters, observed) = Split(batch.Inputs);
        if (_options.Method == PosteriorMethod.Likelihood) return _flow.Loss(parameters, observed) + _units;
        var pairs = FlowMatching.Draw(randn(parameters.shape, generator: step.Generator).to(parameters.device), parameters,
            generator: step.Generator);
        return FlowMatching.Loss(((ContinuousFlow)_flow).Field.Velocity(pairs.State, pairs.Time, observed), pairs.Velocity);
    }

    /// <inheritdoc/>
    public bool EvaluatesInShares => true;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var metrics = new Dictionary<string, double>();
        if (Data.Validation is { } validation) metrics["validation_nats"] = Mean(validation, context);
        if (Data.Validation is null || Data.Test is not null) metrics["nats"] = Mean(Data.Reported, context);
        // Classifiers take a while: once, at the end.
        if (context.IsFinal && _options.ReferenceDraws > 0 && ReferencePosterior.Of(Data.Facts.Name) is { } reference
            && reference.Parameters.SequenceEqual(Columns.ParameterNames))
        {
            metrics["c2st"] = context.Share(reference.Observations.Length, (i, stream) => [Told(reference, i, context, stream)])
                .Average(r => r[0]);
        }
        var ranks = Ranks(context);
        _ranks = (context.Step, ranks);
        // The largest distance of the ranks' distribution from the uniform one, over all parameters; 0.043 is exceeded by chance once in
        // twenty with 1,000 pairs.
        metrics["calibration_error"] = ranks.Max(Distance);
        for (var i = 0; i < ranks.Length; i++)
            metrics[$"coverage_90_{Columns.ParameterNames[i]}"] = ranks[i].Count(r => r is >= 0.05 and <= 0.95) / (double)ranks[i].Length;
        return metrics;
    }

    /// <inheritdoc/>
    public IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var ranks = _ranks is { } known && known.Step == context.Step ? known.Ranks : Ranks(context);
        yield return Calibration(ranks);
        var row = Data.Reported.Spread(1).Inputs;
        var (truth, observed) = Split(row.to(context.Device));
        var draws = Own(_flow.Sample(2000, observed, generator: context.Generator).cpu());
        yield return PairPlot.Draw(draws, Columns.ParameterNames, Own(truth.cpu()).data<float>().ToArray().Select(v => (double)v).ToArray(),
            "Posterior of a held-out observation; the line is the truth");
    }

    /// <summary>Draws from the posterior of an observation in the table's own units.</summary>
    internal Drawing Draw(int count, double[] observation, double temperature, Generator generator, Device device)
    {
        using var scope = NewDisposeScope();
        var draws = Drawn(count, observation, temperature, generator, device);
        var given = string.Join(", ",
            Columns.ObservedNames.Select((n, i) => string.Create(CultureInfo.InvariantCulture, $"{n} = {observation[i]:g4}")));
        return new Drawing([PairPlot.Draw(draws, Columns.ParameterNames, null, $"Posterior given {given}")],
            draws.MoveToOuterDisposeScope())
        { Columns = Columns.ParameterNames };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _flow.Dispose();
        _parameters.Dispose();
        _observed.Dispose();
        Data.Dispose();
    }

    private Tensor Drawn(int count, double[] observation, double temperature, Generator generator, Device device)
    {
        using var scope = NewDisposeScope();
        var standard =
            observation.Select(
                (v, i) => (float)((v - Columns.All[(int)Columns.Observed[i]].Mean) / Columns.All[(int)Columns.Observed[i]].Deviation))
                .ToArray();
        return Own(_flow.Sample(count, tensor(standard).to(device), temperature, generator).cpu()).MoveToOuterDisposeScope();
    }

    // How well a classifier tells the model's draws from the true ones of one observation.
    private double Told(ReferencePosterior reference, int observation, EvaluationContext context, Generator stream)
    {
        using var scope = NewDisposeScope();
        var given = reference.Observations[observation];
        var truth = reference.Draw(_options.ReferenceDraws, given, stream);
        return TwoSampleTest.Accuracy(truth, Drawn(_options.ReferenceDraws, given, 1, stream, context.Device), stream,
            cancellation: context.Cancellation);
    }

    private (Tensor Parameters, Tensor Observed) Split(Tensor rows) =>
        (rows.index_select(1, _parameters.to(rows.device)), rows.index_select(1, _observed.to(rows.device)));

    private Tensor Own(Tensor parameters)
    {
        var columns = Columns.Parameters.Select(i => Columns.All[(int)i]).ToArray();
        return parameters * tensor(columns.Select(c => (float)c.Deviation).ToArray())
            + tensor(columns.Select(c => (float)c.Mean).ToArray());
    }

    // For each parameter and held-out pair the share of posterior draws below the truth.
    private double[][] Ranks(EvaluationContext context)
    {
        using var scope = NewDisposeScope();
        var pairs = Data.Reported.Spread(_options.CalibrationPairs).Inputs.to(context.Device);
        var (truth, observed) = Split(pairs);
        var columns = Columns.Parameters.Length;
        var below = new double[columns][];
        for (var p = 0; p < columns; p++) below[p] = new double[truth.size(0)];
        // Some draws of every pair at a time, as many rows as pairs: pieces small enough to be shared out.
        var pieces = (_options.Draws + DrawsAtOnce - 1) / DrawsAtOnce;
        foreach (var counts in context.Share(pieces, Below))
        {
            for (var i = 0; i < counts.Length; i++) below[i % columns][i / columns] += counts[i];
        }
        return [.. below.Select(counts => counts.Select(count => (count + 0.5) / (_options.Draws + 1)).ToArray())];

        double[] Below(int piece, Generator stream)
        {
            var counts = zeros_like(truth);
            for (var i = piece * DrawsAtOnce; i < Math.Min(_options.Draws, (piece + 1) * DrawsAtOnce); i++)
            {
                context.Cancellation.ThrowIfCancellationRequested();
                using var draw = NewDisposeScope();
                counts.add_((_flow.Sample(truth.size(0), observed, generator: stream) < truth).to(counts.dtype));
            }
            return [.. counts.cpu().to(ScalarType.Float64).contiguous().data<double>()];
        }
    }

    private static double Distance(double[] ranks)
    {
        double[] sorted = [.. ranks.Order()];
        return Enumerable.Range(0, sorted.Length)
            .Max(i => Math.Max(Math.Abs(sorted[i] - (double)i / sorted.Length), Math.Abs(sorted[i] - (i + 1.0) / sorted.Length)));
    }

    private TaskPicture Calibration(double[][] ranks)
    {
        var count = ranks[0].Length;
        double expected = (double)count / RankBins, band = 2.58 * Math.Sqrt(expected * (1 - 1.0 / RankBins));
        double[] edges = [0, 1];
        var chart =
            new Chart(
                new ChartOptions
                {
                    Title = "Simulation-based calibration",
                    Width = 640,
                    Height = 460,
                    XLabel = "rank of the truth among posterior draws",
                    YLabel = "held-out pairs"
                })
            .Band<double, double>(edges, [expected - band, expected - band], [expected + band, expected + band],
                "where 99 % of flat histograms lie");
        double[] centres = [.. Enumerable.Range(0, RankBins).Select(b => (b + 0.5) / RankBins)];
        for (var p = 0; p < ranks.Length; p++)
        {
            double[] counts = [.. Enumerable.Range(0, RankBins)
                .Select(b => (double)ranks[p].Count(r => Math.Min(RankBins - 1, (int)(r * RankBins)) == b))];
            chart.Line<double, double>(Columns.ParameterNames[p], centres, counts);
        }
        return new TaskPicture("calibration", chart.YLimits(0, 2 * (expected + band)).ToPng(),
            $"Ranks of {count:N0} held-out parameters among {_options.Draws} draws each; flat where the posterior is right.");
    }

    private double Mean(IDataset part, EvaluationContext context)
    {
        return context.Measure(part, 512, Record).Sum(record => record[0]) / part.Count;

        double[] Record(Batch batch)
        {
            var (parameters, observed) = Split(batch.Inputs.to(context.Device));
            return [(_flow.Loss(parameters, observed).ToDouble() + _units) * batch.Size];
        }
    }
}
