using System.Globalization;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>Data sets filtered, divided, drawn from and joined. Images keep their order, ids and names, except where joining has to number
/// anew.</summary>
public static class DatasetVerbs
{
    /// <summary>Without objects below an area, and, if asked, without images that then have none.</summary>
    public static DetectionDataset Filter(DetectionDataset dataset, double minArea, bool dropEmpty)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        if (!(minArea >= 0)) throw new ArgumentOutOfRangeException(nameof(minArea), minArea, "The area must be 0 or more.");
        var objects = Array.FindAll(dataset.Objects.ToArray(), o => o.Area >= minArea);
        if (!dropEmpty) return dataset.With(objects);
        var filled = objects.Select(o => o.ImageId).ToHashSet();
        return dataset.With([.. dataset.Images.Where(i => filled.Contains(i.Id))], dataset.Categories, objects);
    }

    /// <summary>Images drawn at random without repetition.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer images.</exception>
    public static DetectionDataset Sample(DetectionDataset dataset, int count, ulong seed = 1)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        if (count < 1 || count > dataset.Images.Count) throw new ArgumentOutOfRangeException(nameof(count), count,
            $"The data set has {dataset.Images.Count} images; 1 to that many can be drawn.");
        var drawn = Shuffled([.. dataset.Images.Select(i => i.Id)], seed).Take(count).ToHashSet();
        return DatasetSubset.Of(dataset, new DetectionResults([]), drawn.Contains).Dataset;
    }

    /// <summary>
    /// Divides the images into parts. The rarest class is dealt out first, each image to the part that lacks most of that class (iterative
    /// stratification, Sechidis et al. 2011). With a group field, images of one value stay together.
    /// </summary>
    /// <exception cref="ArgumentException">The shares are not positive numbers with the sum 1.</exception>
    public static IReadOnlyList<DetectionDataset> Split(DetectionDataset dataset, IReadOnlyList<double> shares, ulong seed = 1,
        string? group = null)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(shares);
        if (shares.Count < 2 || shares.Any(s => !(s > 0)) || Math.Abs(shares.Sum() - 1) > 1e-6)
        {
            throw new ArgumentException(
                $"the shares are {string.Join(", ", shares.Select(s => s.ToString(CultureInfo.InvariantCulture)))}; two or more positive "
                    + $"numbers with the sum 1 are needed.", nameof(shares));
        }
        var units = group is null
            ? Shuffled([.. dataset.Images.Select(i => i.Id).Distinct()], seed).Select(id => new[] { id }).ToArray()
            : Shuffled([.. DatasetSubset.By(dataset, group)], seed).Select(g => g.Images.Order().ToArray()).ToArray();
        if (units.Length < shares.Count) throw new ArgumentException(
            $"there are {units.Length} {(group is null ? "images" : $"values of {group}")} for {shares.Count} parts.", nameof(group));
        var part = Deal(dataset, shares, units);
        return [.. Enumerable.Range(0, shares.Count)
            .Select(p => DatasetSubset.Of(dataset, new DetectionResults([]), id => part[id] == p).Dataset)];
    }

    /// <summary>Joins data sets: classes meet by name; images and objects are numbered anew.</summary>
    /// <exception cref="ArgumentException">An image name occurs in two of them, or class names within one.</exception>
    public static DetectionDataset Merge(params IReadOnlyList<DetectionDataset> datasets)
    {
        ArgumentNullException.ThrowIfNull(datasets);
        if (datasets.Count < 2) throw new ArgumentException("two data sets or more are needed.", nameof(datasets));
        List<DatasetImage> images = [];
        List<DatasetCategory> categories = [];
        List<GroundTruthObject> objects = [];
        var owners = new Dictionary<string, string>(StringComparer.Ordinal);
        var classes = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var dataset in datasets)
        {
            ImagePaths.RequireNames(dataset, images: true, categories: true);
            var imageOf = new Dictionary<long, long>();
            var classOf = new Dictionary<long, long>();
            foreach (var c in dataset.Categories.DistinctBy(c => c.Id))
            {
                var name = dataset.CategoryName(c.Id);
                if (!classes.TryGetValue(name, out var id))
                {
                    classes[name] = id = categories.Count + 1;
                    categories.Add(c with { Id = id, Name = name, Key = null });
                }
                classOf[c.Id] = id;
            }
            foreach (var i in dataset.Images.DistinctBy(i => i.Id))
            {
                var name = ImagePaths.NameOf(i);
                if (!owners.TryAdd(name, dataset.Source)) throw new ArgumentException(
                    $"image \"{name}\" is in {owners[name]} and in {dataset.Source}; the joined set would hold it twice.",
                    nameof(datasets));
                imageOf[i.Id] = images.Count + 1;
                long[]? Renumbered(IReadOnlyList<long>? ids)
                    => ids is null ? null : [.. ids.Where(classOf.ContainsKey).Select(c => classOf[c])];
                images.Add(i with
                {
                    Id = images.Count + 1,
                    Key = null,
                    FileName = name,
                    NegativeCategoryIds = Renumbered(i.NegativeCategoryIds),
                    NotExhaustiveCategoryIds = Renumbered(i.NotExhaustiveCategoryIds)
                });
            }
            foreach (ref readonly var o in dataset.Objects)
            {
                if (!classOf.TryGetValue(o.CategoryId, out var category)) throw new ArgumentException(
                    $"object {o.Id} of {dataset.Source} has the category {o.CategoryId}, which the set does not list.", nameof(datasets));
                objects.Add(o with { Id = objects.Count + 1, ImageId = imageOf[o.ImageId], CategoryId = category });
            }
        }
        return new DetectionDataset(images, categories, objects.ToArray());
    }

    private static Dictionary<long, int> Deal(DetectionDataset dataset, IReadOnlyList<double> shares, long[][] units)
    {
        var unitOf = new Dictionary<long, int>();
        for (var u = 0; u < units.Length; u++)
        {
            foreach (var id in units[u]) unitOf[id] = u;
        }
        var counts = units.Select(_ => new Dictionary<long, int>()).ToArray();
        var left = new Dictionary<long, int>();
        foreach (ref readonly var o in dataset.Objects)
        {
            if (!unitOf.TryGetValue(o.ImageId, out var u)) continue;
            counts[u][o.CategoryId] = counts[u].GetValueOrDefault(o.CategoryId) + 1;
            left[o.CategoryId] = left.GetValueOrDefault(o.CategoryId) + 1;
        }
        var wanted = left.ToDictionary(c => c.Key, c => shares.Select(s => s * c.Value).ToArray());
        double[] room = [.. shares.Select(s => s * dataset.Images.Count)];
        var place = new int[units.Length];
        Array.Fill(place, -1);
        foreach (var category in left.OrderBy(c => c.Value).ThenBy(c => c.Key).Select(c => c.Key))
        {
            foreach (var u in Enumerable.Range(0, units.Length).Where(u => place[u] < 0 && counts[u].ContainsKey(category))
                .OrderByDescending(u => counts[u][category])) Put(u, wanted[category]);
        }
        for (var u = 0; u < units.Length; u++)
        {
            if (place[u] < 0) Put(u, null);
        }
        return unitOf.ToDictionary(x => x.Key, x => place[x.Value]);

        void Put(int u, double[]? need)
        {
            var best = 0;
            for (var p = 1; p < shares.Count; p++)
            {
                double here = need?[p] ?? room[p], there = need?[best] ?? room[best];
                if (here > there + 1e-9 || (Math.Abs(here - there) <= 1e-9 && room[p] > room[best])) best = p;
            }
            place[u] = best;
            room[best] -= units[u].Length;
            foreach (var (c, n) in counts[u]) wanted[c][best] -= n;
        }
    }

    private static T[] Shuffled<T>(T[] items, ulong seed)
    {
        var stream = SplitMix64.ForIndex(seed, 0);
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = stream.NextInt32(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
        return items;
    }
}

/// <summary>One class of a data set in numbers.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Objects">Objects.</param>
/// <param name="Images">Images with any.</param>
/// <param name="Small">Objects up to 32 x 32 pixels.</param>
/// <param name="Medium">Objects up to 96 x 96 pixels.</param>
/// <param name="Large">Larger ones.</param>
/// <param name="MedianArea">Median area in square pixels; 0 without objects.</param>
public sealed record ClassStatistics(string Name, int Objects, int Images, int Small, int Medium, int Large, double MedianArea);

/// <summary>A data set in numbers.</summary>
/// <param name="Images">Images.</param>
/// <param name="EmptyImages">Images without objects.</param>
/// <param name="Objects">Objects.</param>
/// <param name="Crowds">Crowd regions among them.</param>
/// <param name="ObjectsPerImage">Mean number of objects of an image.</param>
/// <param name="MostObjects">Largest number.</param>
/// <param name="Classes">Classes, most frequent first.</param>
public sealed record DatasetStatistics(int Images, int EmptyImages, int Objects, int Crowds, double ObjectsPerImage, int MostObjects,
    IReadOnlyList<ClassStatistics> Classes)
{
    /// <summary>Counts a data set.</summary>
    public static DatasetStatistics Of(DetectionDataset dataset)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        var objects = dataset.Objects.ToArray();
        var perImage = objects.GroupBy(o => o.ImageId).ToDictionary(g => g.Key, g => g.Count());
        var perClass = objects.ToLookup(o => o.CategoryId);
        var classes = dataset.Categories.DistinctBy(c => c.Id).Select(c =>
        {
            double[] areas = [.. perClass[c.Id].Select(o => o.Area).Order()];
            var median = areas.Length == 0 ? 0 : (areas[(areas.Length - 1) / 2] + areas[areas.Length / 2]) / 2;
            int small = areas.Count(a => a <= 1024), large = areas.Count(a => a > 9216);
            return new ClassStatistics(dataset.CategoryName(c.Id), areas.Length,
                perClass[c.Id].Select(o => o.ImageId).Distinct().Count(), small, areas.Length - small - large, large, median);
        });
        return new DatasetStatistics(
            dataset.Images.Count,
            dataset.Images.Count(i => !perImage.ContainsKey(i.Id)),
            objects.Length,
            objects.Count(o => o.IsCrowd),
            dataset.Images.Count == 0 ? 0 : (double)objects.Length / dataset.Images.Count,
            perImage.Values.DefaultIfEmpty(0).Max(),
            [.. classes.OrderByDescending(c => c.Objects).ThenBy(c => c.Name, StringComparer.Ordinal)]);
    }
}
