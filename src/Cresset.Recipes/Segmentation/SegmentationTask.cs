using System.Globalization;
using Cresset.Data;
using Cresset.Nn;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Learns masks by cross-entropy of each pixel or another loss; figures are the mean intersection over union of the classes and pixel
/// accuracy.
/// </summary>
internal sealed class SegmentationTask : DataTask, IExportsGraphs
{
    private const int NoClass = -1, Shown = 6;
    private readonly UNet _net;
    private readonly LossRule _loss;
    private readonly Tensor? _weights;

    /// <summary>Takes the data over; initial weights follow <paramref name="seed"/>.</summary>
    internal SegmentationTask(SegmentationOptions options, DataSplit data, ulong seed)
        : base(data, "mean_iou", higherIsBetter: true)
    {
        _loss = options.Loss.Ignoring(NoClass);
        _net = SegmentationJob.Net(options, data.Facts, seed);
        if (options.Balance && !LateExamples.Are(data)) _weights = Own(Weights(data));
    }

    /// <inheritdoc/>
    public override nn.Module Module => _net;

    /// <inheritdoc/>
    public override Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        return _loss.Of(_net.call(batch.Inputs), batch.Targets!, _weights?.to(step.Device));
    }

    /// <inheritdoc/>
    public override IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        yield return Grid("masks", Data.Reported.Spread(Shown), "Held-out pictures", "Pictures, their masks, and what the net finds.",
            context);
        // Those with the largest share of pixels of a wrong class: errors of the masks show here too.
        int[] worst = [.. Errors(context).Index().OrderByDescending(e => e.Item).Take(Shown).Select(e => e.Index)];
        yield return Grid("worst", Data.Reported.Prepare(new BatchRequest(worst, 0, 0)).ToBatch(), "Held-out pictures, the worst first",
            "The pictures with the most pixels of a wrong class.", context);
    }

    private protected override IEnumerable<(string Name, double Value)> Choose(IDataset part, EvaluationContext context) =>
        [("mean_iou", MeanIou(Confusion(part, context)))];

    private protected override IEnumerable<(string Name, double Value)> Report(IDataset part, EvaluationContext context)
    {
        var counts = Confusion(part, context);
        var classes = Data.Facts.Classes.Count;
        yield return ("mean_iou", MeanIou(counts));
        yield return ("pixel_accuracy",
            Enumerable.Range(0, classes).Sum(c => counts[(c * classes) + c]) / (double)Math.Max(1, counts.Sum()));
        for (var c = 0; c < classes && classes <= 40; c++)
        {
            if (Iou(counts, c) is var iou && double.IsFinite(iou)) yield return ($"iou/{Data.Facts.Classes[c]}", iou);
        }
    }

    private TaskPicture Grid(string tag, Batch batch, string title, string caption, EvaluationContext context)
    {
        using var scope = NewDisposeScope();
        using var taken = batch;
        var (height, width) = ((int)batch.Inputs.size(2), (int)batch.Inputs.size(3));
        var predicted = _net.call(batch.Inputs.to(context.Device)).argmax(1).cpu();
        var shown = new List<Picture>();
        var inputs = batch.Inputs.contiguous().data<float>().ToArray();
        var one = inputs.Length / (int)batch.Size;
        for (var i = 0; i < (int)batch.Size; i++)
            shown.Add(Picture.FromPlanes(inputs.AsSpan(i * one, one), (int)batch.Inputs.size(1), height, width));
        foreach (var masks in new[] { batch.Targets!, predicted })
        {
            var values = (masks.clamp_min(0).to(ScalarType.Float32) / Math.Max(1, Data.Facts.Classes.Count - 1)).contiguous().data<float>()
                .ToArray();
            for (var i = 0; i < (int)batch.Size; i++)
                shown.Add(Picture.FromPlanes(values.AsSpan(i * height * width, height * width), 1, height, width));
        }
        var wrong = WrongShares(predicted, batch.Targets!);
        string[] captions = [.. Enumerable.Repeat("", 2 * wrong.Length),
            .. wrong.Select(w => string.Create(CultureInfo.InvariantCulture, $"{w:P1} wrong"))];
        var grid = ImageGrid.Render(shown,
            new ImageGridOptions
            {
                Columns = (int)batch.Size,
                Scale = Math.Max(1, 96 / height),
                RowLabels = ["picture", "mask", "found"],
                Captions = captions,
                Title = title
            });
        return new TaskPicture(tag, grid.ToPng(), caption);
    }

    IReadOnlyList<ExportedGraph> IExportsGraphs.Graphs() =>
    [
        new("", _net, x => [nn.functional.softmax(_net.call(x[0]), 1)], [DataExports.Example(Data.Facts)], ["picture"],
            ["probabilities"]) { Metadata = DataExports.Metadata(Data.Facts) },
    ];

    private List<double> Errors(EvaluationContext context)
    {
        var errors = new List<double>();
        foreach (var batch in Loader.Once(Data.Reported, 16))
        {
            context.Cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            using (batch) errors.AddRange(WrongShares(_net.call(batch.Inputs.to(context.Device)).argmax(1).cpu(), batch.Targets!));
        }
        return errors;
    }

    // Of the pixels that have a class.
    private static double[] WrongShares(Tensor predicted, Tensor masks)
    {
        using var scope = NewDisposeScope();
        var seen = masks.ge(0);
        var wrong = predicted.ne(masks).logical_and(seen).sum([1, 2]).to(ScalarType.Float64);
        return [.. (wrong / seen.sum([1, 2]).clamp_min(1)).data<double>()];
    }

    private static Tensor Weights(DataSplit data)
    {
        using var scope = NewDisposeScope();
        var counts = new double[data.Facts.Classes.Count];
        foreach (var label in data.Train.Spread(256).Targets!.data<long>())
        {
            if (label >= 0) counts[label]++;
        }
        var total = counts.Sum();
        float[] weights = [.. counts.Select(c => (float)Math.Sqrt(total / (counts.Length * Math.Max(c, 1))))];
        return tensor(weights).DetachFromDisposeScope();
    }

    private long[] Confusion(IDataset part, EvaluationContext context)
    {
        var classes = Data.Facts.Classes.Count;
        var counts = new long[classes * classes];
        foreach (var record in context.Measure(part, 16, Record))
        {
            for (var i = 0; i < record.Length; i++) counts[i] += (long)record[i];
        }
        return counts;

        // How often each class was taken for each.
        double[] Record(Batch batch)
        {
            var predicted = _net.call(batch.Inputs.to(context.Device)).argmax(1).cpu();
            var seen = batch.Targets!.ge(0);
            return [.. ((batch.Targets! * classes) + predicted).masked_select(seen).bincount(null, classes * classes).data<long>()];
        }
    }

    private double MeanIou(long[] counts) =>
        Enumerable.Range(0, Data.Facts.Classes.Count).Select(c => Iou(counts, c)).Where(double.IsFinite).DefaultIfEmpty(0).Average();

    // NaN for a class that is neither there nor found.
    private double Iou(long[] counts, int c)
    {
        var classes = Data.Facts.Classes.Count;
        long both = counts[(c * classes) + c], any = -both;
        for (var other = 0; other < classes; other++) any += counts[(c * classes) + other] + counts[(other * classes) + c];
        return any == 0 ? double.NaN : (double)both / any;
    }
}
