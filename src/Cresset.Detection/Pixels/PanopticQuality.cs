namespace Cresset.Detection;

/// <summary>One segment of a panoptic image.</summary>
/// <param name="Id">Its number among the pixels; 0 stands for pixels without a segment.</param>
/// <param name="CategoryId">Its category.</param>
/// <param name="IsCrowd">Ground truth: a region of several things that nobody has to tell apart.</param>
public readonly record struct PanopticSegment(int Id, long CategoryId, bool IsCrowd = false);

/// <summary>A category of panoptic segmentation.</summary>
/// <param name="Id">Identity.</param>
/// <param name="Name">Name.</param>
/// <param name="IsThing">Things are counted one by one, stuff (sky, road) is not.</param>
public sealed record PanopticCategory(long Id, string Name, bool IsThing);

/// <summary>Panoptic quality of a category or of a mean of some.</summary>
/// <param name="Name">Category, or <c>all</c>, <c>things</c>, <c>stuff</c>.</param>
/// <param name="Quality">PQ, the product of the next two; NaN where there was nothing to find and nothing found.</param>
/// <param name="Segmentation">SQ: mean IoU of the segments that were found.</param>
/// <param name="Recognition">RQ: F1 of finding them.</param>
/// <param name="Hits">Segments found (of a mean: categories in it).</param>
/// <param name="False">Segments that meet none.</param>
/// <param name="Missed">Segments not found.</param>
public sealed record PanopticScore(string Name, double Quality, double Segmentation, double Recognition, int Hits, int False, int Missed);

/// <summary>
/// Panoptic quality (Kirillov et al. 2019, arXiv:1801.00868), image by image; evaluators of different images can be merged, and any
/// division of the images gives the same bits.
/// </summary>
public sealed class PanopticQuality
{
    private readonly PanopticCategory[] _categories;
    private readonly Dictionary<long, int> _place;
    private readonly SortedDictionary<long, Tally[]> _images = [];

    /// <summary>An empty evaluator.</summary>
    /// <exception cref="ArgumentException">There is no category, or two have one id.</exception>
    public PanopticQuality(IReadOnlyList<PanopticCategory> categories)
    {
        ArgumentNullException.ThrowIfNull(categories);
        if (categories.Count == 0) throw new ArgumentException("categories is empty; one at least is needed.", nameof(categories));
        _categories = [.. categories.OrderBy(c => c.Id)];
        if (_categories.DistinctBy(c => c.Id).Count() != _categories.Length)
        {
            throw new ArgumentException("two categories have one id.", nameof(categories));
        }
        _place = _categories.Select((c, i) => (c.Id, i)).ToDictionary(x => x.Id, x => x.i);
    }

    /// <summary>Images added so far.</summary>
    public int Images => _images.Count;

    /// <summary>Adds one image.</summary>
    /// <param name="image">Its id.</param>
    /// <param name="truth">Number of the true segment of every pixel; 0 for pixels that are not judged.</param>
    /// <param name="truthSegments">The true segments.</param>
    /// <param name="found">Number of the predicted segment of every pixel, as many; 0 for none.</param>
    /// <param name="foundSegments">The predicted segments.</param>
    /// <exception cref="ArgumentException">The image was added before, sizes differ, or pixels and segments do not agree.</exception>
    public void Add(long image, ReadOnlySpan<int> truth, IReadOnlyList<PanopticSegment> truthSegments, ReadOnlySpan<int> found,
        IReadOnlyList<PanopticSegment> foundSegments)
    {
        ArgumentNullException.ThrowIfNull(truthSegments);
        ArgumentNullException.ThrowIfNull(foundSegments);
        if (_images.ContainsKey(image))
        {
            throw new ArgumentException($"image {image} was added before; every image is added once.", nameof(image));
        }
        if (truth.Length != found.Length)
        {
            throw new ArgumentException(
                $"image {image}: found has {found.Length} pixels, the truth {truth.Length}; both are needed in one size.", nameof(found));
        }
        var (shared, truthArea, foundArea) = Count(truth, found);
        var truths = Check(image, truthSegments, truthArea, nameof(truthSegments));
        var founds = Check(image, foundSegments, foundArea, nameof(foundSegments));
        var tallies = new Tally[_categories.Length];
        HashSet<int> hitTruth = [], hitFound = [];
        // In the order of numbers, so that the sum of the IoUs does not depend on that of a table.
        foreach (var ((t, f), both) in shared.OrderBy(s => s.Key.Truth).ThenBy(s => s.Key.Found))
        {
            if (t == 0 || f == 0 || truths[t] is { IsCrowd: true } || truths[t].CategoryId != founds[f].CategoryId) continue;
            // What lies on pixels that are not judged does not enlarge the union.
            var union = foundArea[f] + truthArea[t] - both - shared.GetValueOrDefault((0, f));
            var iou = (double)both / union;
            if (!(iou > 0.5)) continue;
            ref var tally = ref tallies[_place[truths[t].CategoryId]];
            tally = tally with { Hits = tally.Hits + 1, Iou = tally.Iou + iou };
            hitTruth.Add(t);
            hitFound.Add(f);
        }
        var crowds = new Dictionary<long, int>();
        foreach (var s in truthSegments)
        {
            // Of several crowds of a category the reference remembers the last.
            if (s.IsCrowd) crowds[s.CategoryId] = s.Id;
            else if (!hitTruth.Contains(s.Id)) tallies[_place[s.CategoryId]].Missed++;
        }
        foreach (var s in foundSegments)
        {
            if (hitFound.Contains(s.Id)) continue;
            long excused = shared.GetValueOrDefault((0, s.Id));
            if (crowds.TryGetValue(s.CategoryId, out var crowd)) excused += shared.GetValueOrDefault((crowd, s.Id));
            if ((double)excused / foundArea[s.Id] > 0.5) continue;
            tallies[_place[s.CategoryId]].False++;
        }
        _images[image] = tallies;
    }

    /// <summary>Takes over the images of another evaluator of the same categories.</summary>
    /// <exception cref="ArgumentException">The categories differ, or an image is in both.</exception>
    public void Merge(PanopticQuality other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (!other._categories.SequenceEqual(_categories))
        {
            throw new ArgumentException("evaluators of different categories cannot be merged.", nameof(other));
        }
        foreach (var (image, tallies) in other._images)
        {
            if (!_images.TryAdd(image, tallies))
            {
                throw new ArgumentException($"image {image} is in both evaluators; shards must not share images.", nameof(other));
            }
        }
    }

    /// <summary>The means over all categories, things and stuff.</summary>
    public IReadOnlyList<PanopticScore> Means()
    {
        var classes = Classes();
        PanopticScore Mean(string name, Func<PanopticCategory, bool> counts)
        {
            PanopticScore[] some = [.. classes.Where((c, i) => counts(_categories[i]) && !double.IsNaN(c.Quality))];
            double Of(Func<PanopticScore, double> value) => some.Length == 0 ? double.NaN : some.Sum(value) / some.Length;
            return new PanopticScore(name, Of(c => c.Quality), Of(c => c.Segmentation), Of(c => c.Recognition), some.Sum(c => c.Hits),
                some.Sum(c => c.False), some.Sum(c => c.Missed));
        }
        return [Mean("all", _ => true), Mean("things", c => c.IsThing), Mean("stuff", c => !c.IsThing)];
    }

    /// <summary>Every category, ascending by id.</summary>
    public IReadOnlyList<PanopticScore> Classes() => [.. _categories.Select((c, k) =>
    {
        var t = default(Tally);
        foreach (var tallies in _images.Values) t = new Tally(t.Hits + tallies[k].Hits, t.False + tallies[k].False,
            t.Missed + tallies[k].Missed, t.Iou + tallies[k].Iou);
        var half = t.Hits + (0.5 * t.False) + (0.5 * t.Missed);
        // Of a category that was there and never found the reference gives 0, also for the quality of its masks.
        return half == 0
            ? new PanopticScore(c.Name, double.NaN, double.NaN, double.NaN, 0, 0, 0)
            : new PanopticScore(c.Name, t.Iou / half, t.Hits == 0 ? 0 : t.Iou / t.Hits, t.Hits / half, t.Hits, t.False, t.Missed);
    })];

    private static (Dictionary<(int Truth, int Found), long> Shared, Dictionary<int, long> Truth, Dictionary<int,
        long> Found) Count(ReadOnlySpan<int> truth, ReadOnlySpan<int> found)
    {
        var shared = new Dictionary<(int Truth, int Found), long>();
        for (var i = 0; i < truth.Length;)
        {
            // Pixels come in runs: one look-up for each.
            var from = i;
            var pair = (truth[i], found[i]);
            while (++i < truth.Length && truth[i] == pair.Item1 && found[i] == pair.Item2)
            {
            }
            shared[pair] = shared.GetValueOrDefault(pair) + i - from;
        }
        Dictionary<int, long> truthArea = [], foundArea = [];
        foreach (var ((t, f), n) in shared)
        {
            truthArea[t] = truthArea.GetValueOrDefault(t) + n;
            foundArea[f] = foundArea.GetValueOrDefault(f) + n;
        }
        return (shared, truthArea, foundArea);
    }

    private Dictionary<int,
        PanopticSegment> Check(long image, IReadOnlyList<PanopticSegment> segments, Dictionary<int, long> areas, string parameter)
    {
        var known = new Dictionary<int, PanopticSegment>();
        foreach (var s in segments)
        {
            if (s.Id == 0)
            {
                throw new ArgumentException($"image {image}: a segment has the number 0, which stands for no segment.", parameter);
            }
            if (!known.TryAdd(s.Id, s)) throw new ArgumentException($"image {image}: segment {s.Id} is listed twice.", parameter);
            if (!_place.ContainsKey(s.CategoryId))
            {
                throw new ArgumentException($"image {image}: segment {s.Id} has the category {s.CategoryId}, which is not known.",
                    parameter);
            }
            if (!areas.ContainsKey(s.Id))
            {
                throw new ArgumentException($"image {image}: segment {s.Id} is listed, but no pixel has its number.", parameter);
            }
        }
        foreach (var id in areas.Keys)
        {
            if (id != 0 && !known.ContainsKey(id))
            {
                throw new ArgumentException($"image {image}: {areas[id]} pixels have the number {id}, which no segment has.", parameter);
            }
        }
        return known;
    }

    private record struct Tally(int Hits, int False, int Missed, double Iou);
}
