using System.Globalization;
using System.Text;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Plots;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Trains the same U-Net on <see cref="DigitScenes"/> with each upsampler and reports the intersection over union of each.
/// </summary>
[Part("segmentation-study")]
internal sealed class SegmentationStudyJob : StudyJob<SegmentationStudyOptions, SegmentationStudyJob.Row>
{
    private const int Shown = 6;

    /// <inheritdoc/>
    public override string Name => "segmentation-study";

    /// <inheritdoc/>
    public override string Summary => "U-Nets that find and read digits on photographed textures, one for each kind of upsampler.";

    internal override bool ComputesInLibtorch => true;

    /// <inheritdoc/>
    protected override string Section => "study";

    /// <inheritdoc/>
    protected override string CellWord => "upsampler";

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Cells(SegmentationStudyOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return [.. options.Upsamplers.Select(upsampler => PartCatalog.NameOf(upsampler.GetType())!)];
    }

    /// <inheritdoc/>
    protected override Row Measure(SegmentationStudyOptions options, StudyCell<Row> cell)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(cell);
        using var scope = NewDisposeScope();
        var upsampler = options.Upsamplers[cell.Index];
        using var train = new DigitScenes(options.Size, test: false);
        var (scenes, labels) = TestScenes(options);
        using var generator = new Generator(options.Seed);
        Seeding.Apply(options.Seed); // layers that are not redrawn from the generator start from libtorch's own stream
        using var net = new UNet(1, DigitScenes.Classes,
            new UNetOptions
            {
                Channels = options.Channels,
                BlocksPerLevel = 1,
                Norm = new GroupNormOptions { Groups = 8 },
                Upsampler = upsampler
            }, generator);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        Train(net, train, options, cell);
        watch.Stop();
        using var quiet = no_grad();
        net.eval();
        var predicted = cat(scenes.split(50).Select(part => net.call(part).argmax(1)).ToList());
        var (ink, mean) = Overlap(predicted, labels);
        using var layer = upsampler.Build(8, 8);
        var shown = predicted.narrow(0, 0, Math.Min(Shown, options.TestScenes)).to(ScalarType.Byte).contiguous().bytes.ToArray();
        var row = new Row(cell.Name, net.parameters().Sum(p => p.numel()), ink, mean,
            predicted.eq(labels).to(ScalarType.Float64).mean().ToDouble(), Checkerboard.Score(layer.call, 8), watch.Elapsed.TotalSeconds,
            shown);
        cell.Scalar($"mean_iou/{cell.Name}", options.Steps, mean);
        cell.Notice(
            string.Create(CultureInfo.InvariantCulture,
                $"{cell.Name}: mean IoU {mean:0.000}, ink IoU {ink:0.000}, {watch.Elapsed.TotalSeconds:0} s"));
        return row;
    }

    /// <inheritdoc/>
    protected override JobOutcome Report(JobContext context, SegmentationStudyOptions options, IReadOnlyList<Row> cells)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(options);
        using var scope = NewDisposeScope();
        var text = new StringBuilder(
            "| upsampler | parameters | mean IoU over 11 classes | IoU of ink | pixel accuracy | checkerboard of the untrained layer | "
                + "seconds |\n|---|---|---|---|---|---|---|\n");
        foreach (var r in cells.OrderByDescending(r => r.Mean))
        {
            text.Append(CultureInfo.InvariantCulture,
                $"| {r.Kind} | {r.Parameters:N0} | {r.Mean:0.000} | {r.Ink:0.000} | {r.Accuracy:0.000} | {r.Checkerboard:0.000} | "
                    + $"{r.Seconds:0} |\n");
        }
        AtomicFile.WriteText(Path.Combine(context.Folder, "study.md"), text.ToString());
        var (scenes, labels) = TestScenes(options);
        long[] shape = [Math.Min(Shown, options.TestScenes), options.Size, options.Size];
        var path = context.Recorder.Picture("segmentation", options.Steps,
            Sheet(scenes, labels, cells.Select(r => (r.Kind, tensor(r.Shown, shape))).ToList()),
            "Test scenes, labels, and what each U-Net found.");
        var metrics = new Dictionary<string, double> { ["best_mean_iou"] = cells.Max(r => r.Mean) };
        foreach (var r in cells) metrics[$"mean_iou/{r.Kind}"] = r.Mean;
        return new JobOutcome(true, metrics, path is null ? [] : [path]) { Table = text.ToString() };
    }

    private static (Tensor Scenes, Tensor Labels) TestScenes(SegmentationStudyOptions options)
    {
        using var test = new DigitScenes(options.Size, test: true);
        return test.Draw(options.TestScenes, new RandomStream(options.Seed + 1_000_003));
    }

    private static void Train(UNet net, DigitScenes train, SegmentationStudyOptions options, StudyCell<Row> cell)
    {
        var random = new RandomStream(options.Seed);
        using var optimizer = new Optimizer(net, new AdamWRule { LearningRate = options.LearningRate });
        // Most pixels are background: unweighted, the nets would spend long on saying nothing.
        var weights = ones(DigitScenes.Classes);
        weights[0] = 0.3f;
        for (var step = 0; step < options.Steps; step++)
        {
            cell.Cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            foreach (var group in optimizer.Groups) group.LearningRate = options.LearningRate * (1 - ((double)step / options.Steps));
            var (scenes, labels) = train.Draw(options.BatchSize, random);
            optimizer.ZeroGrad();
            var loss = nn.functional.cross_entropy(net.call(scenes), labels, weights);
            Derivatives.Backward(loss);
            optimizer.Step();
            if (step % 20 == 0) cell.Scalar($"loss/{cell.Name}", step, loss.ToDouble());
        }
    }

    private static (double Ink, double Mean) Overlap(Tensor predicted, Tensor labels)
    {
        using var scope = NewDisposeScope();
        static double Iou(Tensor a, Tensor b) => a.logical_and(b).sum().ToDouble() / Math.Max(1, a.logical_or(b).sum().ToDouble());
        return (Iou(predicted.gt(0), labels.gt(0)),
            Enumerable.Range(0, DigitScenes.Classes).Average(c => Iou(predicted.eq(c), labels.eq(c))));
    }

    private static byte[] Sheet(Tensor scenes, Tensor labels, List<(string Name, Tensor Predicted)> rows)
    {
        var shown = (int)rows[0].Predicted.size(0);
        var edge = (int)scenes.size(2);
        var pictures = new List<Picture>();
        void Add(Tensor values, double divisor)
        {
            var flat = (values.to(ScalarType.Float32) / divisor).contiguous().data<float>().ToArray();
            for (var i = 0; i < shown; i++) pictures.Add(Picture.FromPlanes(flat.AsSpan(i * edge * edge, edge * edge), 1, edge, edge));
        }
        using var scope = NewDisposeScope();
        Add(scenes.narrow(0, 0, shown), 1);
        Add(labels.narrow(0, 0, shown), 10);
        foreach (var (_, predicted) in rows) Add(predicted, 10);
        return ImageGrid.Render(pictures,
            new ImageGridOptions
            {
                Columns = shown,
                Scale = 3,
                RowLabels = ["scene", "label", .. rows.Select(r => r.Name)],
                Title = "Digits on textures"
            }).ToPng();
    }

    /// <summary>One upsampler.</summary>
    /// <param name="Kind">Its name.</param>
    /// <param name="Parameters">Parameters of the net.</param>
    /// <param name="Ink">Intersection over union of ink.</param>
    /// <param name="Mean">Mean intersection over union of all classes.</param>
    /// <param name="Accuracy">Share of pixels that are right.</param>
    /// <param name="Checkerboard">Checkerboard score of the untrained layer.</param>
    /// <param name="Seconds">Training time.</param>
    /// <param name="Shown">Classes found in the first test scenes, [scenes, size, size].</param>
    public sealed record Row(string Kind, long Parameters, double Ink, double Mean, double Accuracy, double Checkerboard, double Seconds,
        byte[] Shown);
}
