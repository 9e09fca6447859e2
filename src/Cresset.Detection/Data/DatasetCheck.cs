using System.Globalization;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>What is odd about the content of a data set.</summary>
/// <param name="What">In words.</param>
/// <param name="Count">How often.</param>
/// <param name="IsFault">Whether it is a mistake, and not only worth knowing.</param>
/// <param name="Examples">The first few.</param>
public sealed record DatasetFinding(string What, int Count, bool IsFault, IReadOnlyList<string> Examples);

/// <summary>Looks at the content of a data set beyond what a reader refuses, and makes a copy without the faults.</summary>
public static class DatasetCheck
{
    /// <summary>All findings that occur.</summary>
    public static IReadOnlyList<DatasetFinding> Run(DetectionDataset dataset, int examples = 3)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        var findings = new List<DatasetFinding>();
        void Add(string what, bool isFault, IEnumerable<string> all)
        {
            string[] found = [.. all];
            if (found.Length > 0) findings.Add(new DatasetFinding(what, found.Length, isFault, [.. found.Take(examples)]));
        }

        var objects = dataset.Objects.ToArray();
        Add("a box without extent", true,
            objects.Where(o => !Reachable(o) ? false : !(o.Box.Width > 0 && o.Box.Height > 0)).Select(o => Name(dataset, o)));
        Add("a box that leaves its image by more than a pixel", true,
            objects.Where(o => Reachable(o) && Leaves(dataset, o)).Select(o => Name(dataset, o)));
        Add("an object that repeats another (same image, class and box)", true, Copies(objects).Select(i => Name(dataset, objects[i])));
        Add("a file name that several images have", true,
            dataset.Images.Where(i => i.FileName.Length > 0).GroupBy(i => i.FileName).Where(g => g.Count() > 1).Select(g => g.Key));
        Add("a class name that several classes have", true,
            dataset.Categories.GroupBy(c => c.Name).Where(g => g.Count() > 1).Select(g => g.Key));
        Add("classes whose names look alike", false,
            LookAlikeNames.Describe(dataset.Categories.Select(c => c.Name)) is { } alike ? [alike] : []);
        var used = objects.Select(o => o.CategoryId).ToHashSet();
        Add("a class without objects", false, dataset.Categories.Where(c => !used.Contains(c.Id)).Select(c => c.Name));
        var filled = objects.Select(o => o.ImageId).ToHashSet();
        Add("an image without objects", false,
            dataset.Images.Where(i => !filled.Contains(i.Id))
            .Select(i => i.FileName.Length > 0 ? i.FileName : i.Id.ToString(CultureInfo.InvariantCulture)));
        Add("an image whose size is not known", false, dataset.Images.Where(i => i.Width <= 0 || i.Height <= 0).Select(i => i.FileName));
        return findings;
    }

    /// <summary>A copy without objects that are broken, without extent or repeated; boxes are cut at the image. Says what was
    /// done.</summary>
    public static (DetectionDataset Dataset, IReadOnlyList<string> Done) Repair(DetectionDataset dataset)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        var objects = dataset.Objects.ToArray();
        var copies = Copies(objects).ToHashSet();
        var kept = new List<GroundTruthObject>();
        int broken = 0, cut = 0;
        for (var i = 0; i < objects.Length; i++)
        {
            var o = objects[i];
            if (copies.Contains(i)) continue;
            if (Reachable(o) && Leaves(dataset, o) && dataset.FindImage(o.ImageId) is { } image)
            {
                double x = Math.Clamp(o.Box.X, 0, image.Width), y = Math.Clamp(o.Box.Y, 0, image.Height);
                var box = Box.FromCorners(x, y, Math.Clamp(o.Box.Right, 0, image.Width), Math.Clamp(o.Box.Bottom, 0, image.Height));
                // The area of a mask stays; that of a box follows it.
                o = o with { Box = box, Area = o.Segmentation is null ? box.Area : o.Area };
                cut++;
            }
            if (!Reachable(o) || !(o.Box.Width > 0 && o.Box.Height > 0))
            {
                broken++;
                continue;
            }
            kept.Add(o);
        }
        var done = new List<string>();
        if (cut > 0) done.Add($"{cut} boxes cut at their images");
        if (broken > 0) done.Add($"{broken} objects without a usable place left out");
        if (copies.Count > 0) done.Add($"{copies.Count} repeated objects left out");
        return (dataset.With([.. kept]), done);
    }

    private static bool Reachable(in GroundTruthObject o) => !o.CannotBeHit && o.Box != Box.Unreachable;

    private static bool Leaves(DetectionDataset dataset, in GroundTruthObject o)
        => dataset.FindImage(o.ImageId) is { Width: > 0, Height: > 0 } image
            && (o.Box.X < -1 || o.Box.Y < -1 || o.Box.Right > image.Width + 1 || o.Box.Bottom > image.Height + 1);

    private static List<int> Copies(GroundTruthObject[] objects)
    {
        var seen = new HashSet<(long, long, Box, ObjectMarks)>();
        var copies = new List<int>();
        for (var i = 0; i < objects.Length; i++)
        {
            // Objects of one box and different shapes are not copies.
            if (objects[i].Segmentation is null && objects[i].Keypoints is null
                && !seen.Add((objects[i].ImageId, objects[i].CategoryId, objects[i].Box, objects[i].Marks))) copies.Add(i);
        }
        return copies;
    }

    private static string Name(DetectionDataset dataset, in GroundTruthObject o)
    {
        var image = dataset.FindImage(o.ImageId);
        var b = o.Box;
        return string.Create(CultureInfo.InvariantCulture,
            $"object {o.Id} ({dataset.CategoryName(o.CategoryId)}) of "
                + $"{(image is { FileName.Length: > 0 } ? image.FileName : "image " + o.ImageId)}: {b.X:0.##}, {b.Y:0.##}, {b.Width:0.##} "
                + $"x {b.Height:0.##}");
    }
}
