using System.Globalization;
using System.Text;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Trains the same U-Net on <see cref="DigitScenes"/> with each upsampler and reports the intersection over union of each.</summary>
[Part("segmentation-study")]
public sealed class SegmentationStudyJob : IJob
{
    private const string Section = "study";

    /// <inheritdoc/>
    public string Name => "segmentation-study";

    /// <inheritdoc/>
    public string Summary => "U-Nets that find and read digits on photographed textures, one for each kind of upsampler.";

    /// <inheritdoc/>
    public IReadOnlyList<OptionsSection> Sections => [new(Section, new SegmentationStudyOptions())];

    /// <inheritdoc/>
    public JobOutcome Run(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var options = context.Options<SegmentationStudyOptions>(Section);
        using var scope = NewDisposeScope();
        using var train = new DigitScenes(options.Size, test: false);
        using var test = new DigitScenes(options.Size, test: true);
        var (scenes, labels) = test.Draw(options.TestScenes, new RandomStream(options.Seed + 1_000_003));
        var rows = new List<(UpsamplerKind Kind, long Parameters, double Ink, double Mean, double Accuracy, double Checkerboard, double Seconds, Tensor Shown)>();
        foreach (var kind in options.Upsamplers)
        {
            using var generator = new Generator(options.Seed);
            manual_seed((long)options.Seed); // layers that are not redrawn from the generator start from libtorch's own stream
            using var net = new UNet(1, DigitScenes.Classes, new UNetOptions { Channels = options.Channels, BlocksPerLevel = 1, Groups = 8, Upsampler = kind }, generator);
            var watch = System.Diagnostics.Stopwatch.StartNew();
            if (!Train(net, train, options, kind, context)) return new JobOutcome(false, new Dictionary<string, double>(), []);
            watch.Stop();
            using var quiet = no_grad();
            net.eval();
            var predicted = cat(scenes.split(50).Select(part => net.call(part).argmax(1)).ToList());
            var (ink, mean) = Overlap(predicted, labels);
            using var layer = Upsamplers.Create(kind, 8, 8);
            var row = (kind, net.parameters().Sum(p => p.numel()), ink, mean, predicted.eq(labels).to(ScalarType.Float64).mean().ToDouble(), Checkerboard.Score(layer.call, 8), watch.Elapsed.TotalSeconds, predicted.narrow(0, 0, Math.Min(6, options.TestScenes)));
            rows.Add(row);
            context.Recorder.Scalar($"mean_iou/{kind}", options.Steps, mean);
            context.Progress?.Report(new NoticeReport(string.Create(CultureInfo.InvariantCulture, $"{kind}: mean IoU {mean:0.000}, ink IoU {ink:0.000}, {watch.Elapsed.TotalSeconds:0} s")));
        }
        var text = new StringBuilder("| upsampler | parameters | mean IoU over 11 classes | IoU of ink | pixel accuracy | checkerboard of the untrained layer | seconds |\n|---|---|---|---|---|---|---|\n");
        foreach (var r in rows.OrderByDescending(r => r.Mean)) text.AppendLine(CultureInfo.InvariantCulture, $"| {r.Kind} | {r.Parameters:N0} | {r.Mean:0.000} | {r.Ink:0.000} | {r.Accuracy:0.000} | {r.Checkerboard:0.000} | {r.Seconds:0} |");
        AtomicFile.WriteText(Path.Combine(context.Folder, "study.md"), text.ToString());
        var path = context.Recorder.Picture("segmentation", options.Steps, Sheet(scenes, labels, rows.Select(r => (r.Kind.ToString(), r.Shown)).ToList()), "Test scenes, labels, and what each U-Net found.");
        var metrics = new Dictionary<string, double> { ["best_mean_iou"] = rows.Max(r => r.Mean) };
        foreach (var r in rows) metrics[$"mean_iou/{r.Kind}"] = r.Mean;
        StudyFigures.Save(context, metrics);
        return new JobOutcome(true, metrics, path is null ? [] : [path]);
    }

    /// <inheritdoc/>
    public JobOutcome Evaluate(JobContext context) => StudyFigures.Load(context);

    /// <inheritdoc/>
    public JobOutcome Sample(JobContext context, SampleRequest request) => throw new NotSupportedException($"'{Name}' does not generate anything to sample; its table and pictures are in the run's folder, and eval prints its figures.");

    private static bool Train(UNet net, DigitScenes train, SegmentationStudyOptions options, UpsamplerKind kind, JobContext context)
    {
        var random = new RandomStream(options.Seed);
        using var optimizer = new Optimizer(net, new AdamWRule { LearningRate = options.LearningRate });
        // Most pixels are background: unweighted, the nets would spend long on saying nothing.
        var weights = ones(DigitScenes.Classes);
        weights[0] = 0.3f;
        for (var step = 0; step < options.Steps; step++)
        {
            if (context.Cancellation.IsCancellationRequested) return false;
            using var scope = NewDisposeScope();
            foreach (var group in optimizer.Groups) group.LearningRate = options.LearningRate * (1 - ((double)step / options.Steps));
            var (scenes, labels) = train.Draw(options.BatchSize, random);
            optimizer.ZeroGrad();
            var loss = nn.functional.cross_entropy(net.call(scenes), labels, weights);
            loss.backward();
            optimizer.Step();
            if (step % 20 == 0) context.Recorder.Scalar($"loss/{kind}", step, loss.ToDouble());
        }
        return true;
    }

    private static (double Ink, double Mean) Overlap(Tensor predicted, Tensor labels)
    {
        using var scope = NewDisposeScope();
        static double Iou(Tensor a, Tensor b) => a.logical_and(b).sum().ToDouble() / Math.Max(1, a.logical_or(b).sum().ToDouble());
        return (Iou(predicted.gt(0), labels.gt(0)), Enumerable.Range(0, DigitScenes.Classes).Average(c => Iou(predicted.eq(c), labels.eq(c))));
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
        return ImageGrid.Render(pictures, new ImageGridOptions { Columns = shown, Scale = 3, RowLabels = ["scene", "label", .. rows.Select(r => r.Name)], Title = "Digits on textures" }).ToPng();
    }
}
