using System.Globalization;

namespace Cresset.Detection;

/// <summary>Parts of a data set and its results: chosen images or classes, and slices by a field of the images.</summary>
public static class DatasetSubset
{
    private const int MostSlices = 200;

    /// <summary>The images of some ids with all that lies in them.</summary>
    public static (DetectionDataset Dataset, DetectionResults Results) Of(DetectionDataset dataset, DetectionResults results, Func<long,
        bool> keepImage)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(keepImage);
        var images = dataset.Images.Where(i => keepImage(i.Id)).ToArray();
        return (dataset.With(images, dataset.Categories, Array.FindAll(dataset.Objects.ToArray(), o => keepImage(o.ImageId))),
            new DetectionResults(Array.FindAll(results.Items.ToArray(), d => keepImage(d.ImageId))) { Source = results.Source });
    }

    /// <summary>Only the named images, by id or file name.</summary>
    /// <exception cref="ArgumentException">A name means no image or several.</exception>
    public static (DetectionDataset Dataset, DetectionResults Results) OfImages(DetectionDataset dataset, DetectionResults results,
        IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(names);
        var known = new DatasetNames(dataset);
        var ids = new HashSet<long>();
        foreach (var name in names)
        {
            var id = known.ImageKey(name) ?? (
                long.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
                && dataset.FindImage(number) is not null ? number : known.Image(name));
            ids.Add(id ?? throw new ArgumentException(
                $"'{name}' is " + (known.IsAmbiguous(name)
                    ? "the name of several images; give the folder or the id."
                    : "neither an id nor a file name of an image."), nameof(names)));
        }
        return Of(dataset, results, ids.Contains);
    }

    /// <summary>Only the named classes, by name or id; images stay.</summary>
    /// <exception cref="ArgumentException">A name means no class or several.</exception>
    public static (DetectionDataset Dataset, DetectionResults Results) OfCategories(DetectionDataset dataset, DetectionResults results,
        IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(names);
        var known = new DatasetNames(dataset);
        var ids = new HashSet<long>();
        foreach (var name in names)
        {
            var id = known.CategoryKey(name) ?? known.Category(name) ?? (
                long.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
                && dataset.FindCategory(number) is not null ? number : null);
            ids.Add(id ?? throw new ArgumentException(
                $"'{name}' is not one class of the data set; it has {string.Join(", ", dataset.Categories.Take(10).Select(c => c.Name))}"
                    + $"{(dataset.Categories.Count > 10 ? ", ..." : "")}.", nameof(names)));
        }
        return (dataset.With(dataset.Images, [.. dataset.Categories.Where(c => ids.Contains(c.Id))],
            Array.FindAll(dataset.Objects.ToArray(), o => ids.Contains(o.CategoryId))),
            new DetectionResults(Array.FindAll(results.Items.ToArray(), d => ids.Contains(d.CategoryId))) { Source = results.Source });
    }

    /// <summary>
    /// Images by the value of a field of their records (an attribute), by <c>folder</c> of their names, or by <c>size</c>.
    /// Images without the field come last as "(none)".
    /// </summary>
    /// <exception cref="ArgumentException">No image has the field, or it has too many values; the message lists the fields there
    /// are.</exception>
    public static IReadOnlyList<(string Value, IReadOnlySet<long> Images)> By(DetectionDataset dataset, string field)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(field);
        const string None = "(none)";
        var values = dataset.Images.Select(i => (i.Id, Value: ValueOf(i, field))).ToArray();
        if (values.All(v => v.Value is null))
        {
            var fields = dataset.Images.SelectMany(i => i.Attributes?.Keys ?? []).Distinct().Order(StringComparer.Ordinal).Take(20);
            throw new ArgumentException(
                $"no image has the field '{field}'; there are {string.Join(", ", ["folder", "size", .. fields])}.", nameof(field));
        }
        var groups = values.GroupBy(v => v.Value ?? None).ToArray();
        if (groups.Length > MostSlices) throw new ArgumentException(
            $"'{field}' has {groups.Length} values; at most {MostSlices} slices are made.", nameof(field));
        return [.. groups.OrderBy(g => g.Key == None).ThenBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => (g.Key, (IReadOnlySet<long>)g.Select(v => v.Id).ToHashSet()))];
    }

    private static string? ValueOf(DatasetImage image, string field)
    {
        if (image.Attributes is { } attributes && attributes.TryGetValue(field, out var value)) return value;
        if (field == "size") return image is { Width: > 0, Height: > 0 } ? $"{image.Width}x{image.Height}" : null;
        if (field != "folder" || image.FileName.Length == 0) return null;
        var name = image.FileName.Replace('\\', '/');
        var slash = name.LastIndexOf('/');
        return slash < 0 ? "." : name[..slash];
    }
}
