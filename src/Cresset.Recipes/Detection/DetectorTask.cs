using System.Globalization;
using Cresset.Data;
using Cresset.Detection;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Learns to find digits in scenes; figures are the average precision of boxes and of masks over held-out scenes, as COCO counts them.
/// </summary>
internal sealed class DetectorTask : ITrainingTask, IExportsGraphs
{
    private const int BatchSize = 25, Shown = 8;
    private const ulong TestSeed = 20_000_003;
    private readonly DetectorOptions _options;
    private readonly DetectorNet _net;
    private readonly DetectorFinder _finder;
    private readonly DetectorData _train, _test;

    /// <summary>Builds net and data; libtorch's global stream decides the initial weights.</summary>
    public DetectorTask(DetectorOptions options)
    {
        _options = options.ThrowIfInvalid();
        _net = new DetectorNet(options);
        _finder = new DetectorFinder(_net, options.NmsIou, most: 30, candidates: 200);
        _train = new DetectorData(new DetectionScenes(options.Size, test: false), options.Size, options.TrainScenes, fixedSeed: null);
        _test = new DetectorData(new DetectionScenes(options.Size, test: true), options.Size, options.TestScenes, TestSeed);
    }

    /// <inheritdoc/>
    public nn.Module Module => _net;

    /// <inheritdoc/>
    public IDataset TrainingData => _train;

    /// <inheritdoc/>
    public HeadlineMetric Headline { get; } = new("ap", HigherIsBetter: true);

    /// <inheritdoc/>
    public bool EvaluatesInShares => true;

    /// <inheritdoc/>
    public Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        var (classes, boxes, ink) = DetectorLoss.Of(_net, batch.Inputs, batch.Targets!);
        if (step.IsLogged)
        {
            step.Log("classes", classes.ToDouble());
            step.Log("boxes", boxes.ToDouble());
            step.Log("ink", ink.ToDouble());
        }
        return classes + boxes + ink;
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        var (truth, results) = Detect(context);
        var boxes = ProtocolEvaluator.Evaluate(truth, results, Protocol(IouKind.Box), null, context.Cancellation);
        var masks = ProtocolEvaluator.Evaluate(truth, results, Protocol(IouKind.Mask), null, context.Cancellation);
        return new Dictionary<string,
            double>
        { ["ap"] = boxes["AP"], ["ap50"] = boxes["AP50"], ["mask_ap"] = masks["AP"], ["mask_ap50"] = masks["AP50"] };
    }

    /// <inheritdoc/>
    public IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var (truth, results) = Detect(context);
        var matching = DetectionMatching.Create(truth, results, Protocol(IouKind.Box), cancellationToken: context.Cancellation);
        var images = matching.ImagesAt(0.3, context.Cancellation);
        yield return Sheet("detections", "Held-out scenes", images.Take(Shown));
        yield return Sheet("worst", "Held-out scenes, the most errors first",
            images.OrderByDescending(i => i.Errors).ThenBy(i => i.Image.Id).Take(Shown));
    }

    /// <inheritdoc/>
    public void Dispose() => _net.Dispose();

    /// <summary>What must be known to use a model of these options.</summary>
    internal static DataFacts Facts(DetectorOptions options) => new()
    {
        Name = "digits on photographs",
        Shape = [1, options.Size, options.Size],
        Classes = [.. Enumerable.Range(0, 10).Select(d => d.ToString(CultureInfo.InvariantCulture))],
    };

    IReadOnlyList<ExportedGraph> IExportsGraphs.Graphs() =>
    [
        new("", _net, x => Maps(x[0]), [DataExports.Example(Facts(_options))], ["picture"], ["scores", "sides", "ink"])
        {
            Metadata = new Dictionary<string, string>
            {
                ["input"] = "[batch, 1, height, width] in 0..1: 0.299 R + 0.587 G + 0.114 B; sizes are multiples of 4",
                ["classes"] = string.Join(' ', Facts(_options).Classes),
                ["scores"] = "probability of each class in cells of 4 x 4 pixels; the highest among its neighbours is a detection",
                ["sides"] = "pixels from the middle of a cell to the left, top, right and bottom of its box",
                ["ink"] = "probability that a pixel belongs to a digit; inside its box the mask of a detection",
            },
        },
    ];

    private Tensor[] Maps(Tensor pictures)
    {
        var (classes, sides, ink) = _net.call(pictures);
        return [classes.sigmoid(), sides, ink.sigmoid()];
    }

    /// <summary>What figures and reports count by.</summary>
    internal static ProtocolOptions Protocol(IouKind kind) => new() { Protocol = DetectionProtocol.CocoFixed, Kind = kind, Threads = 1 };

    /// <summary>The held-out scene of an image as a picture.</summary>
    internal Picture Scene(long image) => Picture.FromPlanes(_test.Scene((int)image - 1).Values, 1, _options.Size, _options.Size);

    /// <summary>The held-out scenes with their digits, and what the net finds in them.</summary>
    internal (DetectionDataset Truth, DetectionResults Results) Detect(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var found = new List<DetectedObject>();
        var image = 0L;
        foreach (var record in context.Measure(_test, BatchSize, batch => Find(batch.Inputs.to(context.Device))))
        {
            for (var at = 0; at < record.Length;)
            {
                image++;
                var count = (int)record[at++];
                for (var i = 0; i < count; i++) found.Add(Unpack(record, ref at, image));
            }
        }
        return (Truth(), new DetectionResults(found));
    }

    private DetectionDataset Truth()
    {
        var size = _options.Size;
        var images = new List<DatasetImage>();
        var objects = new List<GroundTruthObject>();
        for (var i = 0; i < _test.Count; i++)
        {
            var scene = _test.Scene(i);
            images.Add(new DatasetImage(i + 1, string.Create(CultureInfo.InvariantCulture, $"{i + 1:0000}.png"), size, size));
            for (var d = 0; d < scene.Digits.Count; d++)
            {
                var digit = scene.Digits[d];
                var place = d;
                objects.Add(new GroundTruthObject
                {
                    Id = objects.Count + 1,
                    ImageId = i + 1,
                    CategoryId = digit.Digit + 1,
                    Box = new Box(digit.Left, digit.Top, digit.Right - digit.Left, digit.Bottom - digit.Top),
                    Segmentation = new RunLengthSegmentation(MaskOf(size, p => scene.Owner[p] == place)),
                });
            }
        }
        return new DetectionDataset(images,
            [.. Enumerable.Range(0, 10).Select(d => new DatasetCategory(d + 1, d.ToString(CultureInfo.InvariantCulture)))], objects);
    }

    /// <summary>
    /// For every scene the number of detections and each of them: class, score, box, number of runs of its mask and the runs.
    /// </summary>
    private double[] Find(Tensor pictures)
    {
        var packed = new List<double>();
        foreach (var scene in _finder.Find(pictures))
        {
            packed.Add(scene.Count);
            foreach (var d in scene)
            {
                var runs = ((RunLengthSegmentation)d.Shape!.Segmentation!).Mask.Counts;
                packed.AddRange([d.CategoryId, d.Score, d.Box.X, d.Box.Y, d.Box.Right, d.Box.Bottom, runs.Length]);
                foreach (var run in runs) packed.Add(run);
            }
        }
        return [.. packed];
    }

    private DetectedObject Unpack(double[] record, ref int at, long image)
    {
        var (category, score) = ((long)record[at], record[at + 1]);
        var box = Box.FromCorners(record[at + 2], record[at + 3], record[at + 4], record[at + 5]);
        var count = (int)record[at + 6];
        var runs = new uint[count];
        for (var i = 0; i < count; i++) runs[i] = (uint)record[at + 7 + i];
        at += 7 + count;
        return new DetectedObject(image, category, box,
            score)
        {
            Shape =
            new DetectionShape { Segmentation = new RunLengthSegmentation(new RunLengthMask(_options.Size, _options.Size, runs)) }
        };
    }

    /// <summary>Runs go down the columns, pixels of scenes along the rows.</summary>
    private static RunLengthMask MaskOf(int size, Func<int, bool> isSet)
    {
        var columns = new byte[size * size];
        for (var x = 0; x < size; x++)
        {
            for (var y = 0; y < size; y++) columns[(x * size) + y] = isSet((y * size) + x) ? (byte)1 : (byte)0;
        }
        return RunLengthMask.Encode(columns, size, size);
    }

    private TaskPicture Sheet(string tag, string title, IEnumerable<ImageMatches> images)
    {
        ImageMatches[] shown = [.. images];
        var pictures = shown.Select(m => DetectorDrawing.Over(Scene(m.Image.Id), m)).ToList();
        string[] captions = [.. shown.Select(m => DetectorDrawing.Words(m))];
        var grid = ImageGrid.Render(pictures, new ImageGridOptions { Columns = 4, Scale = 1, Title = title, Captions = captions });
        return new TaskPicture(tag, grid.ToPng(), "Green: found. Orange: found where there is none, or as another digit. Blue: missed.");
    }
}
