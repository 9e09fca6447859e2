namespace Cresset.Detection;

/// <summary>
/// Which classes are taken for which. In every image detections are taken by falling score and each gets the free object of highest IoU of
/// any class; crowd regions are left out.
/// </summary>
public sealed class ConfusionMatrix
{
    private readonly long[,] _counts;

    private ConfusionMatrix(long[] categories, string[] names)
    {
        CategoryIds = categories;
        CategoryNames = names;
        _counts = new long[categories.Length + 1, categories.Length + 1];
    }

    /// <summary>Categories, ascending; row and column after the last stand for the background.</summary>
    public IReadOnlyList<long> CategoryIds { get; }

    /// <summary>Their names.</summary>
    public IReadOnlyList<string> CategoryNames { get; }

    /// <summary>Number of objects of a true class (row) detected as a class (column); the last index is the background.</summary>
    public long this[int truth, int detected] => _counts[truth, detected];

    /// <summary>Counts all images of a data set.</summary>
    /// <param name="dataset">Ground truth.</param>
    /// <param name="results">Detections.</param>
    /// <param name="iouThreshold">Least IoU of a match.</param>
    /// <param name="minScore">Detections below are left out.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static ConfusionMatrix Compute(DetectionDataset dataset, DetectionResults results, double iouThreshold = 0.5,
        double minScore = double.NegativeInfinity, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        var images = ImageMatches.Of(dataset, results, iouThreshold, minScore, acrossClasses: true);
        return Of(dataset, images, cancellationToken);
    }

    /// <summary>
    /// Counts the pairs of images: on the diagonal the hits of a protocol when they come from <see cref="DetectionMatching.ImagesAt"/>.
    /// </summary>
    public static ConfusionMatrix Of(DetectionDataset dataset, IEnumerable<ImageMatches> images,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(images);
        var ids = dataset.Categories.Select(c => c.Id).Distinct().Order().ToArray();
        var matrix = new ConfusionMatrix(ids, Array.ConvertAll(ids, dataset.CategoryName));
        foreach (var image in images)
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var (o, d) in image.Pairs)
            {
                var row = o is null ? ids.Length : Array.BinarySearch(ids, o.Value.CategoryId);
                var column = d is null ? ids.Length : Array.BinarySearch(ids, d.Value.CategoryId);
                if (row >= 0 && column >= 0) matrix._counts[row, column]++;
            }
        }
        return matrix;
    }
}
