using System.Globalization;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Reads handwritten digits (by default the embedded ones: 1,437 to learn from, 360 by other writers to be tested on).</summary>
public sealed class DigitsClassifierTask : ITrainingTask
{
    private static readonly string[] Names = [.. Enumerable.Range(0, 10).Select(d => d.ToString(CultureInfo.InvariantCulture))];
    private readonly DigitsClassifierOptions _options;
    private readonly DigitsClassifierNet _net;
    private readonly TensorDataset _train;
    private readonly TensorDataset _test;

    /// <summary>Builds net and data.</summary>
    public DigitsClassifierTask(DigitsClassifierOptions options)
    {
        _options = options.ThrowIfInvalid();
        (_train, _test) = options.Data switch
        {
            "digits" => ImageClassification.Digits(),
            "fashion" => ImageClassification.FashionMnist(),
            var folder when Directory.Exists(folder) => ImageClassification.IdxFolder(folder),
            var folder => throw new DirectoryNotFoundException($"model.data is '{folder}'; allowed: digits, fashion, or a folder that exists and holds the four files of an MNIST-like set."),
        };
        _net = new DigitsClassifierNet(options, _train.Inputs.size(2), _train.Inputs.size(3));
    }

    /// <inheritdoc/>
    public nn.Module Module => _net;

    /// <inheritdoc/>
    public IDataset TrainingData => _train;

    /// <inheritdoc/>
    public HeadlineMetric Headline { get; } = new("accuracy", HigherIsBetter: true);

    /// <inheritdoc/>
    public Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        var images = RandomAffine.Apply(batch.Inputs, _options.Rotation, _options.Shift, _options.Stretch, step.Generator);
        return nn.functional.cross_entropy(_net.call(images), batch.Targets!, label_smoothing: _options.LabelSmoothing);
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        var (logits, labels) = Predict(context.Device);
        return new Dictionary<string, double>
        {
            ["accuracy"] = logits.argmax(1).eq(labels).to(ScalarType.Float32).mean().ToDouble(),
            ["loss"] = nn.functional.cross_entropy(logits, labels).ToDouble(),
        };
    }

    /// <inheritdoc/>
    public IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        var (logits, labels) = Predict(context.Device);
        var predicted = logits.argmax(1).data<long>().ToArray();
        var actual = labels.data<long>().ToArray();
        var counts = new long[100];
        for (var i = 0; i < actual.Length; i++) counts[(actual[i] * 10) + predicted[i]]++;
        yield return new TaskPicture("confusion", ConfusionMatrixChart.Create(counts, Names, "Test digits: what they are, what the net says").ToPng(), "Rows: the digit; columns: the answer.");

        var mistakes = Enumerable.Range(0, actual.Length).Where(i => predicted[i] != actual[i]).ToArray();
        if (mistakes.Length == 0) yield break;
        var shown = mistakes.Take(60).ToArray();
        var images = _test.Inputs.index_select(0, tensor(shown.Select(i => (long)i).ToArray()));
        var grid = ImageGrid.Render(images.data<float>().ToArray(), shown.Length, 1, (int)images.size(2), (int)images.size(3), new ImageGridOptions
        {
            Title = $"{mistakes.Length} mistakes among {actual.Length} test digits",
            Captions = [.. shown.Select(i => $"{actual[i]} read as {predicted[i]}")],
            Scale = (int)Math.Max(1, 96 / images.size(2)),
        });
        yield return new TaskPicture("mistakes", grid.ToPng(), "The digit, and what the net took it for.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _net.Dispose();
        _train.Dispose();
        _test.Dispose();
    }

    private (Tensor Logits, Tensor Labels) Predict(Device device)
    {
        var logits = Loader.Once(_test, 512).Select(b => _net.call(b.Inputs.to(device)).cpu()).ToArray();
        return (cat(logits), _test.Targets!);
    }
}
