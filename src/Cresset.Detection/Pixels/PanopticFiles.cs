using System.Text.Json;

namespace Cresset.Detection;

/// <summary>What was scored and what was noted.</summary>
/// <param name="Quality">The filled evaluator.</param>
/// <param name="Notes">What was assumed or passed over, a line each.</param>
public sealed record PanopticReading(PanopticQuality Quality, IReadOnlyList<string> Notes);

/// <summary>Panoptic segmentations in the layout of COCO: a JSON file of segments and a folder of PNG files, one per image.</summary>
public static class PanopticFiles
{
    /// <summary>Scores predicted segments; images are read on all cores, and the result does not depend on their number.</summary>
    /// <param name="truth">JSON of the truth, with <c>categories</c> and <c>annotations</c>.</param>
    /// <param name="truthFolder">Its PNG files.</param>
    /// <param name="found">JSON of the predictions, with <c>annotations</c>.</param>
    /// <param name="foundFolder">Their PNG files.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="DetectionFormatException">A file is not of this layout, or an image of the truth has no prediction.</exception>
    /// <exception cref="InvalidDataException">A PNG file is damaged or of another size, or its pixels do not agree with the
    /// segments.</exception>
    public static PanopticReading Score(string truth, string truthFolder, string found, string foundFolder,
        CancellationToken cancellationToken = default)
    {
        using JsonDocument truthFile = Open(truth), foundFile = Open(found);
        var categories = Categories(truth, truthFile.RootElement);
        var truths = Images(truth, truthFile.RootElement);
        var founds = Images(found, foundFile.RootElement);
        if (truths.Count == 0) throw Fault(truth, "annotations", "holds no image; there is nothing to measure.");
        string[] missing = [.. truths.Keys.Where(id => !founds.ContainsKey(id)).Order(StringComparer.Ordinal)];
        if (missing.Length > 0)
        {
            throw Fault(found, "annotations",
                $"has no prediction for {missing.Length} of {truths.Count} images of the truth, such as image {missing[0]}.");
        }
        var notes = new List<string>();
        var more = founds.Keys.Count(id => !truths.ContainsKey(id));
        if (more > 0) notes.Add($"{found}: {more} predictions for images that the truth does not have were left out.");
        var whole = new PanopticQuality(categories);
        var areas = 0;
        var parallel = new ParallelOptions { CancellationToken = cancellationToken };
        EachImage(truths.OrderBy(t => t.Key, StringComparer.Ordinal).Select((t, i) => (Image: t.Value, Id: t.Key, Place: i)), parallel, ()
            => new PanopticQuality(categories), (item, _, part) =>
        {
            var prediction = founds[item.Id];
            var labels = Read(truthFolder, item.Image);
            var predicted = Read(foundFolder, prediction);
            if ((labels.Height, labels.Width) != (predicted.Height, predicted.Width))
            {
                throw new InvalidDataException(
                    $"image {item.Id}: the prediction is {predicted.Width} x {predicted.Height} pixels, the truth {labels.Width} x "
                        + $"{labels.Height}.");
            }
            Interlocked.Add(ref areas, OtherAreas(item.Image, labels));
            try
            {
                part.Add(item.Place, labels.Values, item.Image.Segments, predicted.Values, prediction.Segments);
            }
            catch (ArgumentException e)
            {
                var side = e.ParamName == "truthSegments" ? truth : found;
                var message = e.Message.Replace($"image {item.Place}:", $"image {item.Id}:", StringComparison.Ordinal);
                throw new InvalidDataException($"{side}: {message.Split(" (Parameter")[0]}", e);
            }
            return part;
        }, part =>
        {
            lock (whole) whole.Merge(part);
        });
        if (areas > 0) notes.Add($"{truth}: {areas} segments state another area than they have pixels; the pixels were counted.");
        return new PanopticReading(whole, notes);
    }

    /// <summary>The first fault is thrown as it is, not wrapped.</summary>
    private static void EachImage<T>(IEnumerable<T> items, ParallelOptions options, Func<PanopticQuality> begin, Func<T, ParallelLoopState,
        PanopticQuality, PanopticQuality> work, Action<PanopticQuality> end)
    {
        try
        {
            Parallel.ForEach(items, options, begin, work, end);
        }
        catch (AggregateException e)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    private static JsonDocument Open(string path)
    {
        try
        {
            return JsonDocument.Parse(File.ReadAllBytes(path));
        }
        catch (JsonException e)
        {
            throw Fault(path, "", $"is not JSON: {e.Message}");
        }
    }

    private static List<PanopticCategory> Categories(string path, JsonElement root)
    {
        var categories = new List<PanopticCategory>();
        foreach (var (c, record) in Records(path, root, "categories"))
        {
            var name = c.TryGetProperty("name", out var n) && n.ValueKind == JsonValueKind.String ? n.GetString()! : "";
            categories.Add(new PanopticCategory(Whole(path, c, record, "id"), name, Flag(path, c, record, "isthing", needed: true)));
        }
        if (categories.DistinctBy(c => c.Id).Count() != categories.Count) throw Fault(path, "categories", "has an id twice.");
        return categories;
    }

    private static Dictionary<string, PanopticImage> Images(string path, JsonElement root)
    {
        var images = new Dictionary<string, PanopticImage>(StringComparer.Ordinal);
        foreach (var (a, record) in Records(path, root, "annotations"))
        {
            if (!a.TryGetProperty("image_id", out var id) || id.ValueKind is not (JsonValueKind.Number or JsonValueKind.String))
            {
                throw Fault(path, record, "needs image_id, a number or a text.");
            }
            if (!a.TryGetProperty("file_name", out var file) || file.ValueKind != JsonValueKind.String)
            {
                throw Fault(path, record, "needs file_name, the name of its PNG file.");
            }
            var segments = new List<PanopticSegment>();
            var areas = new List<long>();
            foreach (var (s, place) in Records(path, a, "segments_info", record + "."))
            {
                var number = Whole(path, s, place, "id");
                if (number is < 1 or > int.MaxValue)
                {
                    throw Fault(path, place, $"has the id {number}; a number from 1 on that the pixels have is needed.");
                }
                segments.Add(new PanopticSegment((int)number, Whole(path, s, place, "category_id"),
                    Flag(path, s, place, "iscrowd", needed: false)));
                areas.Add(s.TryGetProperty("area", out var area) && area.TryGetInt64(out var n) ? n : -1);
            }
            if (!images.TryAdd(id.ToString(), new PanopticImage(file.GetString()!, segments, areas)))
            {
                throw Fault(path, record, $"is a second annotation of image {id}.");
            }
        }
        return images;
    }

    private static IEnumerable<(JsonElement Element, string Record)> Records(string path, JsonElement parent, string name,
        string above = "")
    {
        if (parent.ValueKind != JsonValueKind.Object || !parent.TryGetProperty(name, out var list) || list.ValueKind != JsonValueKind.Array)
        {
            throw Fault(path, above + name, "is missing; a list is needed, as in the panoptic layout of COCO.");
        }
        var i = 0;
        foreach (var e in list.EnumerateArray())
        {
            var record = $"{above}{name}[{i++}]";
            yield return e.ValueKind == JsonValueKind.Object ? (e, record) : throw Fault(path, record, "is not an object.");
        }
    }

    private static long Whole(string path, JsonElement e, string record, string field)
        => e.TryGetProperty(field, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) ? number
            : throw Fault(path, record, $"needs {field}, a whole number.");

    private static bool Flag(string path, JsonElement e, string record, string field, bool needed)
    {
        if (!e.TryGetProperty(field, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return needed ? throw Fault(path, record, $"needs {field}, 0 or 1.") : false;
        }
        return FlagText.TryParse(value.ToString(), out var set) ? set
            : throw Fault(path, record, $"has {field} {value}; 0 or 1 is needed.");
    }

    private static PixelLabels Read(string folder, PanopticImage image)
    {
        // Names come from files of strangers and must not lead out of the folder.
        var root = Path.GetFullPath(folder);
        var path = Path.GetFullPath(Path.Combine(root, image.File));
        if (!path.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw new InvalidDataException($"file_name '{image.File}' leads out of {folder}.");
        }
        return File.Exists(path) ? PixelLabels.Read(path) : throw new FileNotFoundException($"{folder} has no file '{image.File}'.", path);
    }

    private static int OtherAreas(PanopticImage image, PixelLabels labels)
    {
        if (image.Areas.All(a => a < 0)) return 0;
        var counts = new Dictionary<int, long>();
        foreach (var v in labels.Values) counts[v] = counts.GetValueOrDefault(v) + 1;
        return image.Segments.Where((s, i) => image.Areas[i] >= 0 && image.Areas[i] != counts.GetValueOrDefault(s.Id)).Count();
    }

    private static DetectionFormatException Fault(string path, string record, string message)
        => new(new DataProblem(DataProblemKind.Malformed, path, record, "", message));

    private sealed record PanopticImage(string File, List<PanopticSegment> Segments, List<long> Areas);
}
