namespace Cresset.Detection;

/// <summary>What became of a detection or an object under a protocol.</summary>
public enum MatchOutcome : byte
{
    /// <summary>Not looked at: another image or class was asked for, a limit of detections, a class that was not verified.</summary>
    NotJudged,

    /// <summary>Detection and object met; both count.</summary>
    Hit,

    /// <summary>A detection that met nothing.</summary>
    False,

    /// <summary>Neither hit nor miss: crowds, difficult objects and what the protocol excuses.</summary>
    Ignored,

    /// <summary>An object that counts and that no detection met.</summary>
    Missed,
}

/// <summary>
/// Which detection met which object, written down by a matcher at its first threshold and layer. Places are those of the data set and the
/// results; categories write to places of their own, so threads share one ledger.
/// </summary>
internal sealed class MatchLedger
{
    public MatchLedger(int objects, int detections)
    {
        ObjectOf = new int[detections];
        Array.Fill(ObjectOf, -1);
        Iou = new double[detections];
        Detections = new MatchOutcome[detections];
        Objects = new MatchOutcome[objects];
    }

    /// <summary>The object that a detection met; -1 for none.</summary>
    public int[] ObjectOf { get; }

    /// <summary>The overlap with it.</summary>
    public double[] Iou { get; }

    public MatchOutcome[] Detections { get; }

    public MatchOutcome[] Objects { get; }

    public void Meet(in MatchGroup group, int d, int g, double iou) => Meet(group.Detections[d], group.Objects[g], iou);

    public void Meet(int detection, int obj, double iou) => (ObjectOf[detection], Iou[detection]) = (obj, iou);

    /// <summary>Reads the outcomes off the bits of a matched group.</summary>
    public void Close(in MatchGroup group, SegmentSlots slots, GroupMatcher matcher)
    {
        for (var g = 0; g < group.Objects.Length; g++)
        {
            Objects[group.Objects[g]] = matcher.Counts(group.AllObjects[group.Objects[g]]) ? MatchOutcome.Missed : MatchOutcome.Ignored;
        }
        for (var d = 0; d < group.Detections.Length; d++)
        {
            var slot = d * matcher.Layers;
            var index = group.Detections[d];
            var hit = (slots.Hits[slot] & 1) != 0;
            Detections[index] = (slots.Ignored[slot] & 1) != 0 ? MatchOutcome.Ignored : hit ? MatchOutcome.Hit : MatchOutcome.False;
            if (Detections[index] == MatchOutcome.Hit && ObjectOf[index] >= 0) Objects[ObjectOf[index]] = MatchOutcome.Hit;
            if (Detections[index] == MatchOutcome.False) ObjectOf[index] = -1;
        }
    }
}
