namespace Cresset.Detection;

/// <summary>A false detection with its name.</summary>
internal readonly record struct NamedError(int Detection, TideError Error, int Object, double Iou);

/// <summary>
/// Names the errors of a matching and says what repairing each kind would bring, with the hits, the classes and the curve of the protocol
/// that matched (the kinds are those of Bolya et al. 2020, TIDE, arXiv:2008.08115).
/// </summary>
internal sealed class ErrorBreakdown
{
    private readonly DetectionMatching _matching;
    private readonly DetectedObject[] _items;
    private readonly Dictionary<long, List<int>> _ranked = [];
    private readonly Dictionary<long, int> _positives = [];
    private readonly TideError?[] _errorOf;
    private readonly long[] _repaired;
    private readonly bool _emptyClassesCount;

    public ErrorBreakdown(DetectionMatching matching)
    {
        _matching = matching;
        _emptyClassesCount = matching.Options.Protocol == DetectionProtocol.Tide;
        _items = matching.Results.Items.ToArray();
        _errorOf = new TideError?[_items.Length];
        _repaired = new long[_items.Length];
        Array.Fill(_repaired, long.MinValue);
        var objects = matching.Dataset.Objects;
        for (var i = 0; i < objects.Length; i++)
        {
            if (!DetectionMatching.Counted(matching.Ledger.Objects[i])) continue;
            var category = matching.ClassOf(objects[i].CategoryId);
            _positives[category] = _positives.GetValueOrDefault(category) + 1;
        }
        Rank();
    }

    public IReadOnlyList<(long Id, string Name, RankedCurve Curve)> Rankings()
    {
        var ids = _ranked.Keys.Union(_positives.Keys).Order();
        return [.. ids.Select(id
            => (id, id == -1 && _matching.Options.ClassAgnostic ? "all" : _matching.Dataset.CategoryName(id),
            Curve(id, _positives.GetValueOrDefault(id), d => d)))];
    }

    /// <summary>Names every false detection; detections nearer than the background threshold to an object of their class are badly
    /// placed.</summary>
    public IReadOnlyList<NamedError> Name(double background, CancellationToken cancellation)
    {
        var (dataset, results, ledger) = (_matching.Dataset, _matching.Results, _matching.Ledger);
        var objects = DetectionMatching.PlacesByImage(dataset.Objects.Length, i => dataset.Objects[i].ImageId, i
            => DetectionMatching.Counted(ledger.Objects[i]));
        var wrong = DetectionMatching.PlacesByImage(results.Items.Length, i => results.Items[i].ImageId, i
            => ledger.Detections[i] == MatchOutcome.False);
        var measure = _matching.Backend.Measure();
        var named = new List<NamedError>();
        foreach (var image in wrong)
        {
            cancellation.ThrowIfCancellationRequested();
            int[] o = [.. objects[image.Key]], d = [.. image];
            if (o.Length == 0)
            {
                foreach (var place in d) named.Add(new NamedError(place, TideError.Background, -1, 0));
                continue;
            }
            var overlaps = measure.Overlaps(new MatchGroup
            {
                ImageId = image.Key,
                Image = dataset.FindImage(image.Key),
                AllObjects = dataset.Objects,
                AllDetections = results.Items,
                Objects = o,
                Detections = d,
            });
            for (var i = 0; i < d.Length; i++) named.Add(NameOne(d[i], o, overlaps.Slice(i * o.Length, o.Length), background));
        }
        return named;
    }

    /// <summary>The gain of repairing each kind of error.</summary>
    public TideResult Result(double background, CancellationToken cancellation)
    {
        var named = Name(background, cancellation);
        var ledger = _matching.Ledger;
        var best = new Dictionary<int, int>();
        var near = new HashSet<int>();
        foreach (var e in named)
        {
            _errorOf[e.Detection] = e.Error;
            if (e.Error > TideError.Localization || ledger.Objects[e.Object] == MatchOutcome.Hit) continue;
            near.Add(e.Object);
            if (!best.TryGetValue(e.Object, out var other) || _items[e.Detection].Score > _items[other].Score) best[e.Object] = e.Detection;
        }
        foreach (var (o, d) in best) _repaired[d] = _matching.ClassOf(_matching.Dataset.Objects[o].CategoryId);
        int[] missed = [.. Enumerable.Range(0, ledger.Objects.Length).Where(i => ledger.Objects[i] == MatchOutcome.Missed)];
        var classes = Classes(null, [], false);
        var ap = Mean(classes);
        var counts = new Dictionary<TideError, int>();
        var deltas = new Dictionary<TideError, double>();
        foreach (var kind in Enum.GetValues<TideError>())
        {
            int[] gone = kind == TideError.Missed ? [.. missed.Where(o => !near.Contains(o))] : [];
            counts[kind] = kind == TideError.Missed ? gone.Length : named.Count(e => e.Error == kind);
            deltas[kind] = Math.Max(0, Mean(Classes(kind, gone, false)) - ap);
        }
        return new TideResult(ap, counts, deltas, Mean(Classes(null, [], true)) - ap, Mean(Classes(null, missed, false)) - ap, classes);
    }

    private NamedError NameOne(int detection, int[] objects, ReadOnlySpan<double> iou, double background)
    {
        var category = _matching.ClassOf(_matching.Results.Items[detection].CategoryId);
        int same = -1, other = -1, duplicate = -1;
        double sameIou = 0, otherIou = 0, duplicateIou = 0;
        for (var g = 0; g < objects.Length; g++)
        {
            var right = _matching.ClassOf(_matching.Dataset.Objects[objects[g]].CategoryId) == category;
            if (right && iou[g] >= sameIou) (same, sameIou) = (objects[g], iou[g]);
            if (!right && iou[g] >= otherIou) (other, otherIou) = (objects[g], iou[g]);
            if (right && _matching.Ledger.Objects[objects[g]] == MatchOutcome.Hit && iou[g] >= duplicateIou) (duplicate,
                duplicateIou) = (objects[g], iou[g]);
        }
        var threshold = _matching.IouThreshold;
        if (same >= 0 && sameIou >= background && sameIou < threshold) return new NamedError(detection, TideError.Localization, same,
            sameIou);
        if (other >= 0 && otherIou >= threshold) return new NamedError(detection, TideError.Classification, other, otherIou);
        if (duplicate >= 0 && duplicateIou >= threshold) return new NamedError(detection, TideError.Duplicate, duplicate, duplicateIou);
        var highest = Math.Max(sameIou, otherIou);
        return new NamedError(detection, highest <= background ? TideError.Background : TideError.Both, -1, highest);
    }

    private Dictionary<long, double> Classes(TideError? repaired, int[] gone, bool perfectOrder)
    {
        var positives = new Dictionary<long, int>(_positives);
        foreach (var o in gone) positives[_matching.ClassOf(_matching.Dataset.Objects[o].CategoryId)]--;
        // A repaired detection of the wrong class moves to the class of its object.
        var moved = new Dictionary<long, List<int>>();
        if (repaired == TideError.Classification)
        {
            for (var d = 0; d < _repaired.Length; d++)
            {
                if (_errorOf[d] != TideError.Classification || _repaired[d] == long.MinValue) continue;
                if (!moved.TryGetValue(_repaired[d], out var list)) moved[_repaired[d]] = list = [];
                list.Add(d);
            }
        }
        var classes = new Dictionary<long, double>();
        foreach (var id in _ranked.Keys.Union(_positives.Keys).Order())
        {
            var count = positives.GetValueOrDefault(id);
            if (count <= 0 && !_emptyClassesCount) continue;
            var curve = Curve(id, count, d => Keep(d, id), moved.GetValueOrDefault(id), perfectOrder);
            if (count <= 0 && curve.Scores.Count == 0) continue;
            classes[id] = count <= 0 ? 0 : _matching.Backend.Ap(curve);
        }
        return classes;

        int Keep(int d, long id)
        {
            if (repaired is null or TideError.Missed || _errorOf[d] != repaired) return d;
            // Of the repaired kind only the best detection of an object becomes a hit, in its own class here.
            return repaired == TideError.Localization && _repaired[d] == id ? ~d : int.MinValue;
        }
    }

    /// <summary>The curve of a class; <paramref name="keep"/> gives the detection, its complement for one that became a hit, or the least
    /// number for none.</summary>
    private RankedCurve Curve(long id, int positives, Func<int, int> keep, List<int>? moved = null, bool perfectOrder = false)
    {
        var entries = new List<(int Detection, bool Hit)>();
        foreach (var d in _ranked.GetValueOrDefault(id) ?? [])
        {
            var kept = keep(d);
            if (kept == int.MinValue) continue;
            entries.Add((d, kept < 0 || _matching.Ledger.Detections[d] == MatchOutcome.Hit));
        }
        if (moved is not null)
        {
            entries.AddRange(moved.Select(d => (d, true)));
            entries = [.. entries.OrderBy(e => ScoreOrder.Key(_items[e.Detection].Score))];
        }
        if (perfectOrder) entries = [.. entries.OrderBy(e => e.Hit ? 0 : 1)];
        return new RankedCurve([.. entries.Select(e => _items[e.Detection].Score)], [.. entries.Select(e => e.Hit ? 1.0 : 0)], positives);
    }

    private double Mean(Dictionary<long, double> classes)
        => classes.Count == 0 ? _emptyClassesCount ? 0 : double.NaN : classes.Values.Sum() / classes.Count;

    /// <summary>Detections that count, by class and falling score, ties as the protocol has them.</summary>
    private void Rank()
    {
        var (items, outcomes) = (_items, _matching.Ledger.Detections);
        var order = Enumerable.Range(0, items.Length).Where(d => outcomes[d] is MatchOutcome.Hit or MatchOutcome.False)
            .OrderBy(d => ScoreOrder.Key(items[d].Score));
        Dictionary<long, int> place = [];
        foreach (var image in _matching.Dataset.Images) place.TryAdd(image.Id, place.Count);
        var ties = _matching.Backend.Ties switch
        {
            TieRule.FileOrder => order,
            TieRule.LaterImageFirst => order.ThenByDescending(d => items[d].ImageId),
            TieRule.ImageFileOrder => order.ThenBy(d => place[items[d].ImageId]),
            _ => order.ThenBy(d => items[d].ImageId),
        };
        // Class-agnostic groups hold an image's detections by class, then file order; those of tide by file order alone.
        if (_matching.Options.ClassAgnostic
            && _matching.Backend.Ties is TieRule.ImageOrder or TieRule.LaterImageFirst) ties = ties.ThenBy(d => items[d].CategoryId);
        foreach (var d in ties.ThenBy(d => d))
        {
            var category = _matching.ClassOf(items[d].CategoryId);
            if (!_ranked.TryGetValue(category, out var list)) _ranked[category] = list = [];
            list.Add(d);
        }
    }
}
