namespace Cresset.Detection;

/// <summary>
/// A metric for training loops: batches of arrays in, the numbers of a protocol out, then the next epoch. Images get their numbers here;
/// boxes, scores and labels come as a model has them.
/// </summary>
public sealed class DetectionMetric
{
    private readonly IReadOnlyList<DatasetCategory> _categories;
    private readonly ProtocolOptions _options;
    private readonly BoxFormat _format;
    private readonly long _firstImage;
    private ProtocolEvaluator _evaluator;

    /// <summary>An empty metric.</summary>
    /// <param name="classes">Names of the classes; label k means the k-th.</param>
    /// <param name="options">The protocol; null takes <c>coco-fixed</c>.</param>
    /// <param name="format">How boxes are laid out.</param>
    /// <param name="shard">Number of this process, so that images of several processes stay apart.</param>
    /// <exception cref="Numerics.InvalidOptionsException">The options are not allowed.</exception>
    public DetectionMetric(IReadOnlyList<string> classes, ProtocolOptions? options = null, BoxFormat format = BoxFormat.Xyxy, int shard = 0)
    {
        ArgumentNullException.ThrowIfNull(classes);
        ArgumentOutOfRangeException.ThrowIfLessThan(shard, 0);
        _categories = [.. classes.Select((name, i) => new DatasetCategory(i, name))];
        _options = options ?? new ProtocolOptions { Protocol = DetectionProtocol.CocoFixed };
        _format = format;
        _firstImage = ((long)shard << 40) + 1;
        _evaluator = new ProtocolEvaluator(_categories, _options);
    }

    /// <summary>Number of images added since the last <see cref="Reset"/>.</summary>
    public int Images { get; private set; }

    /// <summary>Adds one image.</summary>
    /// <param name="boxes">Detected boxes [N, 4].</param>
    /// <param name="scores">Their scores [N].</param>
    /// <param name="labels">Their classes [N].</param>
    /// <param name="truthBoxes">Boxes of the objects [M, 4].</param>
    /// <param name="truthLabels">Their classes [M].</param>
    /// <exception cref="ArgumentException">The sizes do not agree, a number is not finite, or a label is not a class.</exception>
    public void Update(ReadOnlySpan<float> boxes, ReadOnlySpan<float> scores, ReadOnlySpan<long> labels, ReadOnlySpan<float> truthBoxes,
        ReadOnlySpan<long> truthLabels)
    {
        Check(boxes, labels, nameof(boxes), nameof(labels));
        Check(truthBoxes, truthLabels, nameof(truthBoxes), nameof(truthLabels));
        if (scores.Length != labels.Length) throw new ArgumentException($"scores has {scores.Length} values for {labels.Length} labels.",
            nameof(scores));
        var image = new DatasetImage(_firstImage + Images);
        var detections = new DetectedObject[labels.Length];
        for (var i = 0; i < detections.Length; i++)
        {
            if (!float.IsFinite(scores[i])) throw new ArgumentException($"scores[{i}] is {scores[i]}; finite scores are needed.",
                nameof(scores));
            detections[i] = new DetectedObject(image.Id, labels[i], BoxOf(boxes, i), scores[i]);
        }
        var objects = new GroundTruthObject[truthLabels.Length];
        for (var i = 0; i < objects.Length; i++)
        {
            objects[i] = new GroundTruthObject { ImageId = image.Id, CategoryId = truthLabels[i], Box = BoxOf(truthBoxes, i) };
        }
        _evaluator.Add(image, objects, detections);
        Images++;
    }

    /// <summary>The protocol's answer over all images since the last <see cref="Reset"/>.</summary>
    public ProtocolResult Compute() => _evaluator.Compute();

    /// <summary>Forgets all images.</summary>
    public void Reset()
    {
        _evaluator = new ProtocolEvaluator(_categories, _options);
        Images = 0;
    }

    /// <summary>Takes over the images of another process's metric; the digits are those of a single one.</summary>
    /// <exception cref="ArgumentException">Both have the same number of shard, or other options.</exception>
    public void Merge(DetectionMetric other)
    {
        ArgumentNullException.ThrowIfNull(other);
        _evaluator.Merge(other._evaluator);
        Images += other.Images;
    }

    private void Check(ReadOnlySpan<float> boxes, ReadOnlySpan<long> labels, string boxesName, string labelsName)
    {
        if (boxes.Length != 4 * labels.Length) throw new ArgumentException(
            $"{boxesName} has {boxes.Length} numbers for {labels.Length} {labelsName}; four a label are needed.", boxesName);
        for (var i = 0; i < labels.Length; i++)
        {
            if (labels[i] < 0 || labels[i] >= _categories.Count) throw new ArgumentException(
                $"{labelsName}[{i}] is {labels[i]}; there are classes 0 to {_categories.Count - 1}.", labelsName);
        }
        for (var i = 0; i < boxes.Length; i++)
        {
            if (!float.IsFinite(boxes[i])) throw new ArgumentException(
                $"{boxesName}[{i / 4}] holds {boxes[i]}; finite numbers are needed.", boxesName);
        }
    }

    private Box BoxOf(ReadOnlySpan<float> boxes, int i)
    {
        double a = boxes[4 * i], b = boxes[(4 * i) + 1], c = boxes[(4 * i) + 2], d = boxes[(4 * i) + 3];
        return _format switch
        {
            BoxFormat.Xywh => new Box(a, b, c, d),
            BoxFormat.Cxcywh => Box.FromCenter(a, b, c, d),
            _ => Box.FromCorners(a, b, c, d),
        };
    }
}
