using System.Runtime.CompilerServices;

namespace Cresset.Detection;

/// <summary>Objects and detections brought into the order category, image, file.</summary>
internal sealed class EvaluationPlan
{
    private EvaluationPlan(DetectionDataset dataset, DetectionResults results, long[] categoryIds, long[] imageIds)
    {
        Dataset = dataset;
        Results = results;
        CategoryIds = categoryIds;
        ImageIds = imageIds;
    }

    public DetectionDataset Dataset { get; }

    public DetectionResults Results { get; }

    /// <summary>Ascending; one entry -1 when class-agnostic.</summary>
    public long[] CategoryIds { get; }

    public long[] ImageIds { get; }

    /// <summary>Index lists in the order category, image, file.</summary>
    public int[] Objects { get; private set; } = [];

    public int[] Detections { get; private set; } = [];

    /// <summary>Image position of every entry of <see cref="Objects"/> and <see cref="Detections"/>.</summary>
    public int[] ObjectImages { get; private set; } = [];

    public int[] DetectionImages { get; private set; } = [];

    /// <summary>First entry of each category, with one more at the end.</summary>
    public int[] ObjectStarts { get; private set; } = [];

    public int[] DetectionStarts { get; private set; } = [];

    public static EvaluationPlan Make(DetectionDataset dataset, DetectionResults results, IReadOnlyList<long>? categories,
        IReadOnlyList<long>? images, bool classAgnostic, bool lastCopyStandsForAll, Func<int, bool>? keepDetection = null)
    {
        var allCategories = Ascending(categories ?? [.. dataset.Categories.Select(c => c.Id)]);
        var imageIds = Ascending(images ?? [.. dataset.Images.Select(i => i.Id)]);
        var plan = new EvaluationPlan(dataset, results, classAgnostic ? [-1] : allCategories, imageIds);
        var categoryIndex = new IdIndex(allCategories);
        var imageIndex = new IdIndex(imageIds);
        plan.Arrange(categoryIndex, imageIndex, classAgnostic, lastCopyStandsForAll, keepDetection);
        return plan;
    }

    private static long[] Ascending(IReadOnlyList<long> ids)
    {
        var sorted = ids.ToArray();
        Array.Sort(sorted);
        return [.. sorted.Distinct()];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Arrange(IdIndex categories, IdIndex images, bool classAgnostic, bool lastCopyStandsForAll, Func<int, bool>? keepDetection)
    {
        var detections = Results.Items;
        var n = 0;
        var category = new int[detections.Length];
        var image = new int[detections.Length];
        var index = new int[detections.Length];
        for (var i = 0; i < detections.Length; i++)
        {
            var c = categories.Find(detections[i].CategoryId);
            var m = images.Find(detections[i].ImageId);
            if ((c < 0 || m < 0) && Dataset.FindImage(detections[i].ImageId) is var known) RequireKnown(i, known);
            if (c < 0 || m < 0 || (keepDetection is not null && !keepDetection(i))) continue;
            category[n] = c;
            image[n] = m;
            index[n++] = i;
        }
        (Detections, DetectionImages, DetectionStarts) = Order(index.AsSpan(0, n), category, image, categories.Count, images.Count,
            classAgnostic);

        var objects = Dataset.Objects;
        var order = lastCopyStandsForAll ? CopiesInImageOrder(objects, categories, images, classAgnostic) : null;
        var count = order?.Count ?? objects.Length;
        category = new int[count];
        image = new int[count];
        index = new int[count];
        n = 0;
        for (var i = 0; i < count; i++)
        {
            var o = order is null ? i : order[i];
            var c = categories.Find(objects[o].CategoryId);
            var m = images.Find(objects[o].ImageId);
            if (c < 0 || m < 0) continue;
            category[n] = c;
            image[n] = m;
            index[n++] = o;
        }
        (Objects, ObjectImages, ObjectStarts) = Order(index.AsSpan(0, n), category, image, categories.Count, images.Count, classAgnostic);
    }

    /// <summary>
    /// What an evaluation was not asked for is passed over; what the data set does not have is a mistake. Only files may hold categories
    /// that nobody lists, which pycocotools passes over.
    /// </summary>
    private void RequireKnown(int i, DatasetImage? image)
    {
        var d = Results.Items[i];
        if (image is null)
        {
            throw new ArgumentException(
                $"detections[{i}] lies in image {d.ImageId}, which the data set does not have; every detection needs the id of one of its "
                    + $"images.");
        }
        if (Results.Source.Length == 0 && Dataset.FindCategory(d.CategoryId) is null)
        {
            throw new ArgumentException(
                $"detections[{i}] has the category {d.CategoryId}, which the data set does not have; its categories are "
                    + $"{string.Join(", ", Dataset.Categories.Take(8).Select(c => c.Id))}{(Dataset.Categories.Count > 8 ? ", ..." : "")}.");
        }
    }

    /// <summary>
    /// With repeated ids pycocotools looks every copy up by its id and finds the last one: copies are visited image by image and each is
    /// replaced by the last. Null when all ids differ.
    /// </summary>
    private static List<int>? CopiesInImageOrder(ReadOnlySpan<GroundTruthObject> objects, IdIndex categories, IdIndex images,
        bool classAgnostic)
    {
        var last = new Dictionary<long, int>(objects.Length);
        var copies = false;
        for (var i = 0; i < objects.Length; i++)
        {
            if (!objects[i].FromFile) continue;
            copies |= !last.TryAdd(objects[i].Id, i);
            last[objects[i].Id] = i;
        }
        if (!copies) return null;
        var visited = new List<(int Image, int Index)>();
        for (var i = 0; i < objects.Length; i++)
        {
            var m = images.Find(objects[i].ImageId);
            if (m >= 0 && (classAgnostic || categories.Find(objects[i].CategoryId) >= 0)) visited.Add((m, i));
        }
        var order = new List<int>(visited.Count);
        foreach (var (_, i) in visited.OrderBy(v => v.Image)) order.Add(objects[i].FromFile ? last[objects[i].Id] : i);
        return order;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (int[] Index, int[] Images, int[] Starts) Order(ReadOnlySpan<int> index, int[] category, int[] image, int categories,
        int images, bool classAgnostic)
    {
        var n = index.Length;
        var order = new int[n];
        for (var i = 0; i < n; i++) order[i] = i;
        // Class-agnostic groups hold their members by category, then file order; the image is then the outer key.
        order = classAgnostic
            ? CountingSort(CountingSort(order, category, categories), image, images)
            : CountingSort(CountingSort(order, image, images), category, categories);
        var sorted = new int[n];
        var sortedImages = new int[n];
        var starts = new int[(classAgnostic ? 1 : categories) + 1];
        for (var i = 0; i < n; i++)
        {
            sorted[i] = index[order[i]];
            sortedImages[i] = image[order[i]];
            starts[(classAgnostic ? 0 : category[order[i]]) + 1]++;
        }
        for (var k = 1; k < starts.Length; k++) starts[k] += starts[k - 1];
        return (sorted, sortedImages, starts);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int[] CountingSort(int[] order, int[] keys, int count)
    {
        var starts = new int[count + 1];
        foreach (var o in order) starts[keys[o] + 1]++;
        for (var k = 1; k <= count; k++) starts[k] += starts[k - 1];
        var sorted = new int[order.Length];
        foreach (var o in order) sorted[starts[keys[o]]++] = o;
        return sorted;
    }

    /// <summary>Position of an id in an ascending list; remembers the last one, as files come in runs.</summary>
    private sealed class IdIndex
    {
        private readonly Dictionary<long, int> _positions;
        private readonly int[]? _table;
        private long _lastId = long.MinValue;
        private int _lastPosition = -1;

        public IdIndex(long[] ids)
        {
            _positions = new Dictionary<long, int>(ids.Length);
            for (var i = 0; i < ids.Length; i++) _positions[ids[i]] = i;
            if (ids.Length == 0 || ids[0] < 0 || ids[^1] > 65_535) return;
            _table = new int[ids[^1] + 1];
            Array.Fill(_table, -1);
            for (var i = 0; i < ids.Length; i++) _table[ids[i]] = i;
        }

        public int Count => _positions.Count;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public int Find(long id)
        {
            if (id == _lastId) return _lastPosition;
            _lastId = id;
            _lastPosition = _table is not null ? (ulong)id < (ulong)_table.Length ? _table[id] : -1
                : _positions.TryGetValue(id, out var position) ? position : -1;
            return _lastPosition;
        }
    }
}
