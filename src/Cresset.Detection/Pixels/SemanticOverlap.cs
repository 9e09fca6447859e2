namespace Cresset.Detection;

/// <summary>A class of semantic segmentation and how well it was found.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Iou">Intersection over union; NaN where the class is neither there nor found.</param>
/// <param name="Accuracy">Share of its pixels that were found; NaN where there are none.</param>
/// <param name="Pixels">True pixels.</param>
public sealed record SemanticClass(string Name, double Iou, double Accuracy, long Pixels);

/// <summary>
/// Mean intersection over union of a class for every pixel (Everingham et al. 2015), image by image; evaluators can be merged.
/// </summary>
public sealed class SemanticOverlap
{
    private readonly string[] _classes;
    private readonly int _ignored;
    private readonly long[] _counts;

    /// <summary>An empty evaluator.</summary>
    /// <param name="classes">Names of the classes; a pixel of number k has the k-th.</param>
    /// <param name="ignored">The number of true pixels that are not judged.</param>
    public SemanticOverlap(IReadOnlyList<string> classes, int ignored = 255)
    {
        ArgumentNullException.ThrowIfNull(classes);
        if (classes.Count == 0) throw new ArgumentException("classes is empty; one at least is needed.", nameof(classes));
        if (ignored >= 0 && ignored < classes.Count)
        {
            throw new ArgumentOutOfRangeException(nameof(ignored), ignored,
                $"The ignored number is that of the class \"{classes[ignored]}\"; take one beyond the classes, or a negative one for "
                    + $"none.");
        }
        (_classes, _ignored) = ([.. classes], ignored);
        _counts = new long[_classes.Length * (_classes.Length + 1)];
    }

    /// <summary>Images added so far.</summary>
    public int Images { get; private set; }

    /// <summary>Adds one image.</summary>
    /// <param name="truth">True class of every pixel.</param>
    /// <param name="found">Predicted class of every pixel, as many; a pixel of the ignored number was given none, which is a miss.</param>
    /// <exception cref="ArgumentException">Sizes differ, or a pixel has a number that no class has.</exception>
    public void Add(ReadOnlySpan<int> truth, ReadOnlySpan<int> found)
    {
        if (truth.Length != found.Length)
        {
            throw new ArgumentException($"found has {found.Length} pixels, the truth {truth.Length}; both are needed in one size.",
                nameof(found));
        }
        var counts = new long[_counts.Length];
        var n = _classes.Length;
        for (var i = 0; i < truth.Length; i++)
        {
            var t = truth[i];
            if (t == _ignored) continue;
            if ((uint)t >= (uint)n) throw Unknown("truth", i, t, nameof(truth));
            var f = found[i] == _ignored ? n : found[i];
            if ((uint)f > (uint)n || (f == n && found[i] == n && _ignored != n)) throw Unknown("found", i, found[i], nameof(found));
            counts[(t * (n + 1)) + f]++;
        }
        for (var i = 0; i < counts.Length; i++) _counts[i] += counts[i];
        Images++;
    }

    /// <summary>Takes over the images of another evaluator of the same classes.</summary>
    public void Merge(SemanticOverlap other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (!other._classes.SequenceEqual(_classes) || other._ignored != _ignored)
        {
            throw new ArgumentException("evaluators of different classes cannot be merged.", nameof(other));
        }
        for (var i = 0; i < _counts.Length; i++) _counts[i] += other._counts[i];
        Images += other.Images;
    }

    /// <summary>Every class in turn.</summary>
    public IReadOnlyList<SemanticClass> Classes() => [.. _classes.Select((name, k) =>
    {
        var n = _classes.Length;
        long both = _counts[(k * (n + 1)) + k], there = 0, found = 0;
        for (var j = 0; j <= n; j++) there += _counts[(k * (n + 1)) + j];
        for (var j = 0; j < n; j++) found += _counts[(j * (n + 1)) + k];
        var any = there + found - both;
        return new SemanticClass(name, any == 0 ? double.NaN : (double)both / any, there == 0 ? double.NaN : (double)both / there, there);
    })];

    /// <summary>
    /// <c>mIoU</c> over the classes that are there or found, <c>mAcc</c> over those that are there, <c>aAcc</c> (share of pixels that are
    /// right) and <c>fwIoU</c> (IoU weighted by pixels); NaN without pixels.
    /// </summary>
    public IReadOnlyList<ProtocolStatistic> Statistics()
    {
        var classes = Classes();
        long total = classes.Sum(c => c.Pixels),
            right = Enumerable.Range(0, _classes.Length).Sum(k => _counts[(k * (_classes.Length + 1)) + k]);
        double Mean(Func<SemanticClass, double> value)
            => classes.Select(value).Where(v => !double.IsNaN(v)).DefaultIfEmpty(double.NaN).Average();
        return
        [
            new("mIoU", Mean(c => c.Iou)), new("mAcc", Mean(c => c.Accuracy)), new("aAcc", total == 0 ? double.NaN : (double)right / total),
            new("fwIoU", total == 0 ? double.NaN : classes.Where(c => c.Pixels > 0).Sum(c => c.Pixels * c.Iou) / total),
        ];
    }

    private ArgumentException Unknown(string what, int i, int value, string parameter)
        => new($"{what}[{i}] is {value}; there are classes 0 to "
            + $"{_classes.Length - 1}{(_ignored >= 0 ? $", and {_ignored} for pixels that are not judged" : "")}.", parameter);
}
