using System.Text.Json;

namespace Cresset.Detection;

/// <summary>Parents of categories, such as the class hierarchy of Open Images.</summary>
public sealed class CategoryHierarchy
{
    private readonly Dictionary<string, HashSet<string>> _parents = new(StringComparer.Ordinal);

    /// <summary>Adds a parent to a category; names are category names.</summary>
    public void Add(string child, string parent)
    {
        if (!_parents.TryGetValue(child, out var parents)) _parents[child] = parents = new HashSet<string>(StringComparer.Ordinal);
        parents.Add(parent);
    }

    /// <summary>All categories above one, without itself.</summary>
    public IReadOnlySet<string> Ancestors(string category)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<string>();
        open.Push(category);
        while (open.TryPop(out var name))
        {
            foreach (var parent in _parents.GetValueOrDefault(name) ?? [])
            {
                if (parent != category && found.Add(parent)) open.Push(parent);
            }
        }
        return found;
    }

    /// <summary>Reads the published layout: nested objects with <c>LabelName</c> and <c>Subcategory</c>.</summary>
    /// <exception cref="DetectionFormatException">The file is not such an object.</exception>
    public static CategoryHierarchy Read(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { MaxDepth = 200 });
            var hierarchy = new CategoryHierarchy();
            hierarchy.Walk(document.RootElement);
            return hierarchy;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new DetectionFormatException(new DataProblem(DataProblemKind.Malformed, path, "", "",
                $"is not a class hierarchy (objects with LabelName and Subcategory): {e.Message}"));
        }
    }

    /// <summary>Copies every record to all categories above its own, as the Open Images tool does before scoring.</summary>
    internal (DetectionDataset Dataset, DetectionResults Results) Expand(DetectionDataset dataset, DetectionResults results)
    {
        var idOf = dataset.Categories.GroupBy(c => c.Name).ToDictionary(g => g.Key, g => g.First().Id);
        var above = dataset.Categories.ToDictionary(c => c.Id, c
            => Ancestors(c.Name).Where(idOf.ContainsKey).Select(n => idOf[n]).Order().ToArray());
        var objects = new List<GroundTruthObject>();
        foreach (var o in dataset.Objects)
        {
            objects.Add(o);
            foreach (var id in above.GetValueOrDefault(o.CategoryId) ?? []) objects.Add(o with { CategoryId = id });
        }
        var detections = new List<DetectedObject>();
        foreach (var d in results.Items)
        {
            detections.Add(d);
            foreach (var id in above.GetValueOrDefault(d.CategoryId) ?? []) detections.Add(d with { CategoryId = id });
        }
        return (new DetectionDataset(dataset.Images, dataset.Categories, objects) { Source = dataset.Source },
            new DetectionResults(detections) { Source = results.Source });
    }

    private void Walk(JsonElement node)
    {
        var name = node.GetProperty("LabelName").GetString()!;
        if (!node.TryGetProperty("Subcategory", out var children)) return;
        foreach (var child in children.EnumerateArray())
        {
            Add(child.GetProperty("LabelName").GetString()!, name);
            Walk(child);
        }
    }
}
