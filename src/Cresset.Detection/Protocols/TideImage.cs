namespace Cresset.Detection;

/// <summary>One line of the account of an image: an object, a detection, or a missed object.</summary>
internal readonly record struct TideRecord(TideRecordKind Kind, long Category, double Score, TideError Error, bool Ignored, bool Repairs,
    long RepairedCategory)
{
    public void Write(BinaryWriter writer)
    {
        writer.Write((byte)Kind);
        writer.Write(Category);
        writer.Write(Score);
        writer.Write((byte)Error);
        writer.Write(Ignored);
        writer.Write(Repairs);
        writer.Write(RepairedCategory);
    }

    public static TideRecord Read(BinaryReader reader)
        => new((TideRecordKind)reader.ReadByte(), reader.ReadInt64(), reader.ReadDouble(), (TideError)reader.ReadByte(),
            reader.ReadBoolean(), reader.ReadBoolean(), reader.ReadInt64());
}

internal enum TideRecordKind : byte
{
    Object,
    Hit,
    Error,
    Missed,
    Unmatched,
}

/// <summary>Matches one image over all classes and names every error.</summary>
internal sealed class TideImage(double positive, double background, OverlapMatrix overlap, int maxDetections)
{
    /// <param name="image">The image.</param>
    /// <param name="objects">Its objects.</param>
    /// <param name="detections">Its detections.</param>
    /// <param name="ledger">Where to note who met whom.</param>
    /// <param name="objectPlaces">Places of the objects in the ledger.</param>
    /// <param name="detectionPlaces">Places of the detections in it.</param>
    public List<TideRecord> Run(DatasetImage image, GroundTruthObject[] objects, DetectedObject[] detections, MatchLedger? ledger = null,
        int[]? objectPlaces = null, int[]? detectionPlaces = null)
    {
        var records = new List<TideRecord>();
        var plain = Enumerable.Range(0, objects.Length).Where(i => !objects[i].IsCrowd).ToArray();
        var crowds = Enumerable.Range(0, objects.Length).Where(i => objects[i].IsCrowd).ToArray();
        foreach (var g in plain) records.Add(new TideRecord(TideRecordKind.Object, objects[g].CategoryId, 0, default, false, false, 0));
        var order = Enumerable.Range(0, detections.Length).ToArray();
        ScoreOrder.SortGroup(order, detections);
        if (order.Length > maxDetections) order = order[..maxDetections];
        int n = order.Length, m = plain.Length;
        var iou = Overlaps(image, objects, plain, detections, order);
        var (hitOf, taken) = Match(objects, plain, detections, order, iou);
        var ignored = Ignore(image, objects, crowds, detections, order, hitOf);
        if (ledger is not null)
        {
            foreach (var g in crowds) ledger.Objects[objectPlaces![g]] = MatchOutcome.Ignored;
            for (var g = 0; g < m; g++) ledger.Objects[objectPlaces![plain[g]]] = taken[g] ? MatchOutcome.Hit : MatchOutcome.Missed;
            for (var d = 0; d < n; d++)
            {
                var place = detectionPlaces![order[d]];
                ledger.Detections[place] = hitOf[d] >= 0 ? MatchOutcome.Hit : ignored[d] ? MatchOutcome.Ignored : MatchOutcome.False;
                if (hitOf[d] >= 0) ledger.Meet(place, objectPlaces![plain[hitOf[d]]], iou[(d * m) + hitOf[d]]);
            }
        }
        var errors = new (TideError Error, int Object)[n];
        var best = new (double Score, int Detection)[m];
        Array.Fill(best, (-1, -1));
        var usable = new bool[m];
        for (var d = 0; d < n; d++)
        {
            if (hitOf[d] >= 0) continue;
            errors[d] = Name(objects, plain, detections[order[d]].CategoryId, iou.AsSpan(d * m, m), taken);
            var g = errors[d].Object;
            if (errors[d].Error > TideError.Localization || taken[g]) continue;
            usable[g] = true;
            if (best[g].Score < detections[order[d]].Score) best[g] = (detections[order[d]].Score, d);
        }
        for (var d = 0; d < n; d++)
        {
            var detection = detections[order[d]];
            if (hitOf[d] >= 0)
            {
                records.Add(new TideRecord(TideRecordKind.Hit, detection.CategoryId, detection.Score, default, false, false, 0));
                continue;
            }
            var (error, g) = errors[d];
            var repairs = error <= TideError.Localization && !taken[g] && best[g].Detection == d;
            var repaired = repairs && error == TideError.Classification ? objects[plain[g]].CategoryId : detection.CategoryId;
            records.Add(new TideRecord(TideRecordKind.Error, detection.CategoryId, detection.Score, error, ignored[d], repairs, repaired));
        }
        for (var g = 0; g < m; g++)
        {
            if (!taken[g])
            {
                records.Add(new TideRecord(usable[g] ? TideRecordKind.Unmatched : TideRecordKind.Missed, objects[plain[g]].CategoryId, 0,
                    TideError.Missed, false, false, 0));
            }
        }
        return records;
    }

    private (int[] HitOf, bool[] Taken) Match(GroundTruthObject[] objects, int[] plain, DetectedObject[] detections, int[] order,
        double[] iou)
    {
        var hitOf = new int[order.Length];
        var taken = new bool[plain.Length];
        for (var d = 0; d < order.Length; d++)
        {
            hitOf[d] = -1;
            double highest = 0;
            for (var g = 0; g < plain.Length; g++)
            {
                var v = iou[(d * plain.Length) + g];
                if (taken[g] || objects[plain[g]].CategoryId != detections[order[d]].CategoryId || !(v > highest)) continue;
                highest = v;
                hitOf[d] = g;
            }
            if (hitOf[d] >= 0 && highest >= positive) taken[hitOf[d]] = true;
            else hitOf[d] = -1;
        }
        return (hitOf, taken);
    }

    private bool[] Ignore(DatasetImage image, GroundTruthObject[] objects, int[] crowds, DetectedObject[] detections, int[] order,
        int[] hitOf)
    {
        var ignored = new bool[order.Length];
        if (crowds.Length == 0) return ignored;
        var iou = Overlaps(image, objects, crowds, detections, order);
        for (var d = 0; d < order.Length; d++)
        {
            for (var c = 0; c < crowds.Length && hitOf[d] < 0; c++)
            {
                ignored[d] |= iou[(d * crowds.Length) + c] > positive && objects[crowds[c]].CategoryId == detections[order[d]].CategoryId;
            }
        }
        return ignored;
    }

    private (TideError Error, int Object) Name(GroundTruthObject[] objects, int[] plain, long category, ReadOnlySpan<double> iou,
        bool[] taken)
    {
        if (plain.Length == 0) return (TideError.Background, -1);
        int same = 0, other = 0, duplicate = 0;
        double sameIou = double.NegativeInfinity, otherIou = sameIou, duplicateIou = sameIou, anyIou = sameIou;
        for (var g = 0; g < plain.Length; g++)
        {
            var right = objects[plain[g]].CategoryId == category;
            double asSame = right ? iou[g] : 0, asOther = right ? 0 : iou[g], asDuplicate = right && taken[g] ? iou[g] : 0;
            if (asSame > sameIou) (sameIou, same) = (asSame, g);
            if (asOther > otherIou) (otherIou, other) = (asOther, g);
            if (asDuplicate > duplicateIou) (duplicateIou, duplicate) = (asDuplicate, g);
            anyIou = Math.Max(anyIou, iou[g]);
        }
        if (background <= sameIou && sameIou <= positive) return (TideError.Localization, same);
        if (otherIou >= positive) return (TideError.Classification, other);
        if (duplicateIou >= positive) return (TideError.Duplicate, duplicate);
        return (anyIou <= background ? TideError.Background : TideError.Both, -1);
    }

    private double[] Overlaps(DatasetImage image, GroundTruthObject[] objects, int[] chosen, DetectedObject[] detections, int[] order)
    {
        if (chosen.Length == 0 || order.Length == 0) return [];
        overlap.Compute(new MatchGroup
        {
            ImageId = image.Id,
            Image = image,
            AllObjects = objects,
            AllDetections = detections,
            Objects = chosen,
            Detections = order
        });
        return overlap.Values.AsSpan(0, chosen.Length * order.Length).ToArray();
    }
}
