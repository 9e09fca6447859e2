using System.Globalization;
using System.Text;
using Cresset.Data;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Plots;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;
using Flatten = TorchSharp.Modules.Flatten;
using Linear = TorchSharp.Modules.Linear;

namespace Cresset.Recipes;

/// <summary>
/// The same small net on the digits with each of several activations, equal budget, several seeds: test accuracy, dead units and gradient
/// norm by layer as a table and a picture.
/// </summary>
[Part("activation-study")]
internal sealed class ActivationStudyJob : StudyJob<ActivationStudyOptions, ActivationStudyJob.Row>
{
    /// <inheritdoc/>
    public override string Name => "activation-study";

    /// <inheritdoc/>
    public override string Summary => "The same small net with a dozen activations: accuracy, dead units, gradients by layer.";

    internal override bool ComputesInLibtorch => true;

    /// <inheritdoc/>
    protected override string Section => "study";

    /// <inheritdoc/>
    protected override string CellWord => "activation";

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Cells(ActivationStudyOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return [.. options.Activations.Select(a => ((CatalogActivation)a).Text)];
    }

    /// <inheritdoc/>
    protected override Row Measure(ActivationStudyOptions options, StudyCell<Row> cell)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(cell);
        var (train, test) = ImageClassification.Digits();
        using (train)
        using (test)
        {
            var runs = new List<Outcome>();
            for (var seed = 0; seed < options.Seeds; seed++)
            {
                cell.Cancellation.ThrowIfCancellationRequested();
                runs.Add(Train(cell.Name, seed, options, train, test));
            }
            var row = new Row(cell.Name, [.. runs.Select(r => r.Accuracy)], runs.Average(r => r.Dead),
                [.. Enumerable.Range(0, options.Depth).Select(l => runs.Average(r => r.Gradients[l]))]);
            cell.Scalar($"accuracy/{row.Name}", 0, row.Accuracy.Average());
            cell.Notice(
                string.Create(CultureInfo.InvariantCulture,
                    $"{row.Name}: accuracy {row.Accuracy.Average():0.0000} ± {Deviation(row.Accuracy):0.0000}, dead units "
                        + $"{row.Dead:0.0 %}"));
            return row;
        }
    }

    private static Outcome Train(string activation, int seed, ActivationStudyOptions options, TensorDataset train, TensorDataset test)
    {
        using var scope = NewDisposeScope();
        // Whatever an activation draws beside the generator is the same in a study that was killed and resumed.
        Seeding.Apply((ulong)seed);
        using var generator = new Generator((ulong)seed + 1);
        var layers = new List<nn.Module<Tensor, Tensor>> { nn.Flatten() };
        var linears = new List<Linear>();
        for (var i = 0; i < options.Depth; i++)
        {
            var linear = nn.Linear(i == 0 ? 64 : options.Width, options.Width);
            linears.Add(linear);
            layers.Add(linear);
            layers.Add(ActivationCatalog.Create(activation));
        }
        layers.Add(nn.Linear(options.Width, 10));
        using var net = nn.Sequential(layers);
        Initialize.Reset(net, generator);
        using var optimizer = new Optimizer(net, new AdamWRule { LearningRate = options.LearningRate });
        var gradients = new double[options.Depth];
        for (var step = 0; step < options.Steps; step++)
        {
            using var inner = NewDisposeScope();
            var picked = randint(0, train.Count, options.BatchSize, dtype: ScalarType.Int64, generator: generator);
            optimizer.ZeroGrad();
            nn.functional.cross_entropy(net.call(train.Inputs.index_select(0, picked)), train.Targets!.index_select(0, picked)).backward();
            if (step == 0)
            {
                for (var i = 0; i < options.Depth; i++) gradients[i] = linears[i].weight!.grad!.norm().ToDouble();
            }
            optimizer.Step();
        }
        using var quiet = no_grad();
        net.eval();
        var x = test.Inputs;
        var (dead, units) = (0L, 0L);
        foreach (var layer in layers)
        {
            var y = layer.call(x);
            if (layer is not Linear and not Flatten)
            {
                // Dead: one and the same answer to every test digit.
                dead += (y.amax([0]) - y.amin([0])).le(1e-6).sum().ToInt64();
                units += y.size(1);
            }
            x = y;
        }
        return new Outcome(x.argmax(1).eq(test.Targets!).to(ScalarType.Float64).mean().ToDouble(), (double)dead / units, gradients);
    }

    /// <inheritdoc/>
    protected override JobOutcome Report(JobContext context, ActivationStudyOptions options, IReadOnlyList<Row> cells)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(options);
        var results = cells;
        var text = new StringBuilder(
            "| activation | accuracy | ± | dead units | gradient norm at the start, first to last layer |\n|---|---|---|---|---|\n");
        foreach (var r in results.OrderByDescending(r => r.Accuracy.Average()))
        {
            var gradients = string.Join(", ", r.Gradients.Select(g => g.ToString("0.0000", CultureInfo.InvariantCulture)));
            text.Append(CultureInfo.InvariantCulture,
                $"| {r.Name} | {r.Accuracy.Average():0.0000} | {Deviation(r.Accuracy):0.0000} | {r.Dead:0.0 %} | {gradients} |\n");
        }
        AtomicFile.WriteText(Path.Combine(context.Folder, "study.md"), text.ToString());
        var names = results.Select(r => r.Name).ToArray();
        var accuracy =
            new Chart(
                new ChartOptions { Title = $"Test accuracy, {options.Seeds} seeds, {options.Steps} steps", Width = 1000, Height = 420 })
            .Bars<double>(names, results.Select(r => r.Accuracy.Average()).ToArray(), results.Select(r => Deviation(r.Accuracy)).ToArray());
        var lowest = results.Min(r => r.Accuracy.Average());
        accuracy.YLimits(Math.Max(0, lowest - 0.05), 1);
        var byLayer = new Chart(
            new ChartOptions
            {
                Title = "Gradient norm of each layer at the start",
                XLabel = "layer",
                Width = 1000,
                Height = 420,
                LogY = true
            });
        var depth = Enumerable.Range(1, options.Depth).Select(i => (double)i).ToArray();
        foreach (var r in results) byLayer.Line<double, double>(r.Name, depth, r.Gradients.Select(g => Math.Max(g, 1e-12)).ToArray());
        var png = ImageGrid.Render([accuracy.ToPicture(), byLayer.ToPicture()], new ImageGridOptions { Columns = 1, Scale = 1 }).ToPng();
        var path = context.Recorder.Picture("study", 0, png, "Accuracy and gradients by activation.");
        var best = results.MaxBy(r => r.Accuracy.Average())!;
        var metrics = new Dictionary<string, double> { ["best_accuracy"] = best.Accuracy.Average() };
        foreach (var r in results) metrics[$"accuracy/{r.Name}"] = r.Accuracy.Average();
        return new JobOutcome(true, metrics, path is null ? [] : [path]) { Table = text.ToString() };
    }

    private static double Deviation(double[] values)
    {
        var mean = values.Average();
        return values.Length < 2 ? 0 : Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1));
    }

    /// <summary>One activation.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Accuracy">Test accuracy, one value per seed.</param>
    /// <param name="Dead">Share of units that answer every test digit alike, mean over the seeds.</param>
    /// <param name="Gradients">Gradient norm at the start, one value per layer, mean over the seeds.</param>
    public sealed record Row(string Name, double[] Accuracy, double Dead, double[] Gradients);

    private sealed record Outcome(double Accuracy, double Dead, double[] Gradients);
}
