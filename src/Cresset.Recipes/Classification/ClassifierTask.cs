using System.Globalization;
using Cresset.Data;
using Cresset.Nn;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Learns classes by cross-entropy or another loss over classes. The validation part, where there is one, chooses the best model (validation_accuracy); accuracy, the mean
/// recall of the classes and the pictures are those of the test part.
/// </summary>
public sealed class ClassifierTask : ITrainingTask, ILearnsFromData
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
    internal ClassifierTask(nn.Module<Tensor, Tensor> net, DataSplit data, LossRule loss, bool balance, Func<Tensor, Generator, Tensor>? augment = null)
    {
        (_net, Data, _loss, _augment) = (net, data, loss, augment);
        if (balance) _weights = tensor(data.ClassWeights()).DetachFromDisposeScope();
        Headline = new HeadlineMetric(data.Validation is null ? "accuracy" : "validation_accuracy", HigherIsBetter: true);
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
        ArgumentNullException.ThrowIfNull(step);
        var inputs = _augment is null ? batch.Inputs : _augment(batch.Inputs, step.Generator);
        return _loss.Of(_net.call(inputs), batch.Targets!, _weights?.to(step.Device));
    }

    /// <inheritdoc/>
    public bool EvaluatesInShares => true;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var metrics = new Dictionary<string, double>();
        if (Data.Validation is { } validation)
        {
            var chosen = Predict(validation, context);
            metrics["validation_accuracy"] = chosen.Accuracy;
            metrics["validation_loss"] = chosen.Loss;
        }
        if (Data.Validation is not null && Data.Test is null) return metrics;
        var reported = Predict(Data.Reported, context);
        metrics["accuracy"] = reported.Accuracy;
        metrics["mean_recall"] = reported.MeanRecall(Data.Facts.Classes.Count);
        metrics["loss"] = reported.Loss;
        return metrics;
    }

    /// <inheritdoc/>
    public IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var classes = Data.Facts.Classes;
        var outcome = Predict(Data.Reported, context);
        // Beyond some tens of classes a matrix can no longer be read.
        if (classes.Count <= 60)
        {
            var counts = new long[classes.Count * classes.Count];
            for (var i = 0; i < outcome.Actual.Length; i++) counts[(outcome.Actual[i] * classes.Count) + outcome.Predicted[i]]++;
            yield return new TaskPicture("confusion", ConfusionMatrixChart.Create(counts, classes, "Test examples: what they are, what the net says").ToPng(), "Rows: the class; columns: the answer.");
        }
        if (Data.Facts.ArePictures && Mistakes(outcome) is { } mistakes) yield return mistakes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _net.Dispose();
        _weights?.Dispose();
        Data.Dispose();
    }

    private TaskPicture? Mistakes(Outcome outcome)
    {
        int[] wrong = [.. Enumerable.Range(0, outcome.Actual.Length).Where(i => outcome.Predicted[i] != outcome.Actual[i])];
        if (wrong.Length == 0) return null;
        var shown = wrong.Take(60).ToArray();
        using var scope = NewDisposeScope();
        var images = Data.Reported.Prepare(new BatchRequest(shown, 0, 0)).ToBatch().Inputs.contiguous();
        var classes = Data.Facts.Classes;
        var grid = ImageGrid.Render(images.data<float>().ToArray(), shown.Length, (int)images.size(1), (int)images.size(2), (int)images.size(3), new ImageGridOptions
        {
            Title = string.Create(CultureInfo.InvariantCulture, $"{wrong.Length} mistakes among {outcome.Actual.Length} test examples"),
            Captions = [.. shown.Select(i => $"{classes[(int)outcome.Actual[i]]} read as {classes[(int)outcome.Predicted[i]]}")],
            Scale = (int)Math.Max(1, 96 / images.size(2)),
        });
        return new TaskPicture("mistakes", grid.ToPng(), "What it is, and what the net took it for.");
    }

    private Outcome Predict(IDataset part, EvaluationContext context)
    {
        var (actual, predicted, loss) = (new List<long>(), new List<long>(), 0.0);
        foreach (var record in context.Measure(part, 256, batch => Record(batch, context.Device)))
        {
            loss += record[0];
            for (var i = 1; i < record.Length; i += 2)
            {
                actual.Add((long)record[i]);
                predicted.Add((long)record[i + 1]);
            }
        }
        return new Outcome([.. actual], [.. predicted], loss / part.Count);
    }

    // The loss of the batch, then class and answer of each example.
    private double[] Record(Batch batch, Device device)
    {
        var logits = _net.call(batch.Inputs.to(device)).cpu();
        var loss = nn.functional.cross_entropy(logits, batch.Targets!, reduction: nn.Reduction.Sum).ToDouble();
        return [loss, .. batch.Targets!.data<long>().Zip(logits.argmax(1).data<long>()).SelectMany(p => (double[])[p.First, p.Second])];
    }

    private sealed record Outcome(long[] Actual, long[] Predicted, double Loss)
    {
        public double Accuracy => Actual.Zip(Predicted).Average(p => p.First == p.Second ? 1.0 : 0);

        public double MeanRecall(int classes)
            => Enumerable.Range(0, classes).Where(c => Actual.Contains(c)).Average(c => Actual.Zip(Predicted).Where(p => p.First == c).Average(p => p.Second == c ? 1.0 : 0));
    }
}
