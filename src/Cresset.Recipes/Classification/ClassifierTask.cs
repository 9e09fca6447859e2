using System.Globalization;
using Cresset.Data;
using Cresset.Nn;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Learns classes by cross-entropy or another loss over classes. The validation part, where there is one, chooses the best model
/// (validation_accuracy); accuracy, the mean recall of the classes and the pictures are those of the test part.
/// </summary>
internal sealed class ClassifierTask : DataTask, IExportsGraphs
{
    private readonly nn.Module<Tensor, Tensor> _net;
    private readonly Func<Tensor, Generator, Tensor>? _augment;
    private readonly Tensor? _weights;
    private readonly LossRule _loss;

    /// <summary>Takes net and data over.</summary>
    /// <param name="net">Inputs to logits [N, classes].</param>
    /// <param name="data">With classes.</param>
    /// <param name="loss">What is minimised, a loss over classes.</param>
    /// <param name="balance">Let all classes weigh the same.</param>
    /// <param name="augment">Changes training inputs at random.</param>
    internal ClassifierTask(nn.Module<Tensor, Tensor> net, DataSplit data, LossRule loss, bool balance,
        Func<Tensor, Generator, Tensor>? augment = null)
        : base(data, "accuracy", higherIsBetter: true)
    {
        (_net, _loss, _augment) = (net, loss, augment);
        if (balance && !LateExamples.Are(data)) _weights = Own(tensor(data.ClassWeights()).DetachFromDisposeScope());
    }

    /// <inheritdoc/>
    public override nn.Module Module => _net;

    /// <inheritdoc/>
    public override Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        var inputs = _augment is null ? batch.Inputs : _augment(batch.Inputs, step.Generator);
        return _loss.Of(_net.call(inputs), batch.Targets!, _weights?.to(step.Device));
    }

    /// <inheritdoc/>
    public override IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var classes = Data.Facts.Classes;
        var outcome = Predict(Data.Reported, context);
        // Beyond some tens of classes a matrix can no longer be read.
        if (classes.Count <= 60)
        {
            var counts = new long[classes.Count * classes.Count];
            for (var i = 0; i < outcome.Actual.Length; i++) counts[(outcome.Actual[i] * classes.Count) + outcome.Predicted[i]]++;
            yield return new TaskPicture("confusion",
                ConfusionMatrixChart.Create(counts, classes, "Test examples: what they are, what the net says").ToPng(),
                "Rows: the class; columns: the answer.");
        }
        if (Data.Facts.CanBeShown) yield return Worst(outcome);
    }

    IReadOnlyList<ExportedGraph> IExportsGraphs.Graphs()
    {
        var prepare = DataExports.Prepare(Data.Facts);
        return
        [
            new("", _net, x => [nn.functional.softmax(_net.call(prepare(x[0])), 1)], [DataExports.Example(Data.Facts)],
                [DataExports.InputName(Data.Facts)], ["probabilities"])
            {
                Metadata = DataExports.Metadata(Data.Facts),
            },
        ];
    }

    private protected override IEnumerable<(string Name, double Value)> Choose(IDataset part, EvaluationContext context)
    {
        var found = Predict(part, context);
        return [("accuracy", found.Accuracy), ("loss", found.Loss)];
    }

    private protected override IEnumerable<(string Name, double Value)> Report(IDataset part, EvaluationContext context)
    {
        var found = Predict(part, context);
        return [("accuracy", found.Accuracy), ("mean_recall", found.MeanRecall(Data.Facts.Classes.Count)), ("loss", found.Loss)];
    }

    // The worst first: those whose class the net thought least likely. Where nothing is wrong, the least sure of the right ones.
    private TaskPicture Worst(Outcome outcome)
    {
        var wrong = Enumerable.Range(0, outcome.Actual.Length).Count(i => outcome.Predicted[i] != outcome.Actual[i]);
        int[] shown = [.. Enumerable.Range(0, outcome.Actual.Length).OrderByDescending(i => outcome.Predicted[i] != outcome.Actual[i])
            .ThenByDescending(i => outcome.Losses[i]).Take(Math.Clamp(wrong, 12, 60))];
        using var scope = NewDisposeScope();
        var images = Data.Reported.Prepare(new BatchRequest(shown, 0, 0)).ToBatch().Inputs.contiguous();
        var classes = Data.Facts.Classes;
        var grid = ImageGrid.Render(images.data<float>().ToArray(), shown.Length, (int)images.size(1), (int)images.size(2),
            (int)images.size(3), new ImageGridOptions
            {
                Title = string.Create(CultureInfo.InvariantCulture,
                $"{wrong} mistakes among {outcome.Actual.Length} test examples, the worst first"),
                Captions =
                [.. shown.Select(
                    i => string.Create(CultureInfo.InvariantCulture,
                        $"{Name(outcome.Actual[i])} "
                            + $"{(outcome.Predicted[i] == outcome.Actual[i] ? "at" : $"as {Name(outcome.Predicted[i])},")} "
                            + $"{Math.Exp(-outcome.Losses[i]):P0}"))],
                Scale = (int)Math.Max(1, 96 / images.size(2)),
            });
        return new TaskPicture("mistakes", grid.ToPng(),
            "What it is, what the net took it for, and the probability it gave to what it is.");

        string Name(long label) => classes[(int)label];
    }

    private Outcome Predict(IDataset part, EvaluationContext context)
    {
        var (actual, predicted, losses, loss) = (new List<long>(), new List<long>(), new List<double>(), 0.0);
        foreach (var record in context.Measure(part, 256, batch => Record(batch, context.Device)))
        {
            loss += record[0];
            for (var i = 1; i < record.Length; i += 3)
            {
                actual.Add((long)record[i]);
                predicted.Add((long)record[i + 1]);
                losses.Add(record[i + 2]);
            }
        }
        return new Outcome([.. actual], [.. predicted], [.. losses], loss / part.Count);
    }

    // The loss of the batch, then class, answer and loss of each example.
    private double[] Record(Batch batch, Device device)
    {
        var logits = _net.call(batch.Inputs.to(device)).cpu();
        var loss = nn.functional.cross_entropy(logits, batch.Targets!, reduction: nn.Reduction.Sum).ToDouble();
        var each = nn.functional.cross_entropy(logits, batch.Targets!, reduction: nn.Reduction.None).to(ScalarType.Float64).data<double>();
        return [loss,
            .. batch.Targets!.data<long>().Zip(logits.argmax(1).data<long>(), each)
                .SelectMany(p => (double[])[p.First, p.Second, p.Third])];
    }

    private sealed record Outcome(long[] Actual, long[] Predicted, double[] Losses, double Loss)
    {
        public double Accuracy => Actual.Zip(Predicted).Average(p => p.First == p.Second ? 1.0 : 0);

        public double MeanRecall(int classes)
            => Enumerable.Range(0, classes).Where(c => Actual.Contains(c))
                .Average(c => Actual.Zip(Predicted).Where(p => p.First == c).Average(p => p.Second == c ? 1.0 : 0));
    }
}
