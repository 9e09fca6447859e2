using System.Globalization;

namespace Cresset.Detection;

/// <summary>
/// What the CrowdPose set (Li et al. 2019, arXiv:1812.00324) has of its own: fourteen keypoints, areas from the boxes, and how crowded each
/// image is.
/// </summary>
public static class CrowdPose
{
    /// <summary>Share of a box that a person is taken to cover where the file gives no area.</summary>
    private const double Covered = 0.53;

    /// <summary>Standard deviations of the fourteen keypoints.</summary>
    public static IReadOnlyList<double> Sigmas { get; } =
        Array.ConvertAll([.79, .79, .72, .72, .62, .62, 1.07, 1.07, .87, .87, .89, .89, .79, .79], s => s / 10.0);

    /// <summary>The same objects with the areas by which the similarity of keypoints is measured.</summary>
    public static DetectionDataset WithAreas(DetectionDataset dataset)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        return dataset.With(Array.ConvertAll(dataset.Objects.ToArray(), o => o with { Area = o.Box.Height * o.Box.Width * Covered }));
    }

    /// <summary>
    /// Images by their <c>crowdIndex</c>: easy below 0.2, medium below 0.8, hard, as its tool divides them; null where an image has none.
    /// </summary>
    public static IReadOnlyList<(string Level, IReadOnlySet<long> Images)>? Levels(DetectionDataset dataset)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        var levels = new[] { ("easy", new HashSet<long>()), ("medium", new HashSet<long>()), ("hard", new HashSet<long>()) };
        foreach (var image in dataset.Images)
        {
            if (image.Attributes?.GetValueOrDefault("crowdIndex") is not { } text
                || !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var index)) return null;
            levels[index < 0.2 ? 0 : index < 0.8 ? 1 : 2].Item2.Add(image.Id);
        }
        return [.. levels.Select(l => (l.Item1, (IReadOnlySet<long>)l.Item2))];
    }
}
