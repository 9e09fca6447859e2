namespace Cresset.Detection;

/// <summary>The objects and detections of one image and one category (or all, class-agnostic).</summary>
internal ref struct MatchGroup
{
    public long ImageId;
    public long CategoryId;
    public DatasetImage? Image;
    public ReadOnlySpan<GroundTruthObject> AllObjects;
    public ReadOnlySpan<DetectedObject> AllDetections;

    /// <summary>Indexes of the objects in the protocol's order.</summary>
    public ReadOnlySpan<int> Objects;

    /// <summary>Indexes of the detections, falling score, cut at the largest number allowed.</summary>
    public ReadOnlySpan<int> Detections;
}

/// <summary>The rule by which a protocol gives detections to objects. One instance serves one thread.</summary>
internal abstract class GroupMatcher
{
    /// <summary>Number of layers (area ranges) of the result.</summary>
    public abstract int Layers { get; }

    /// <summary>Largest number of detections an image and category may have.</summary>
    public virtual int MaxDetections => int.MaxValue;

    /// <summary>Where to note who met whom; null when nobody asks.</summary>
    public MatchLedger? Ledger { get; set; }

    /// <summary>Whether an object of any size has to be found.</summary>
    public abstract bool Counts(in GroundTruthObject o);

    /// <summary>Overlaps as the protocol measures them, <c>[detection * objects + object]</c>; valid until the next call.</summary>
    public abstract ReadOnlySpan<double> Overlaps(in MatchGroup group);

    /// <summary>Fills hit and ignore bits and the number of objects that count; the slots are zero on entry.</summary>
    public abstract void Match(in MatchGroup group, SegmentSlots slots);
}
