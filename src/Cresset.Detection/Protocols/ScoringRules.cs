namespace Cresset.Detection;

/// <summary>What becomes of crowd regions.</summary>
internal enum CrowdRule
{
    /// <summary>Taken last, again and again, overlap over the detection's area; what falls on them does not count.</summary>
    Reusable,

    /// <summary>Like difficult objects: looked at like others, but neither hit nor miss.</summary>
    Neutral,

    /// <summary>Ordinary objects.</summary>
    Ordinary,

    /// <summary>Never matched; free detections on them do not count.</summary>
    Region,
}

/// <summary>Where precision is read off.</summary>
internal enum CurveRule
{
    NumpyGrid,
    ExactGrid,
    SingleGrid,
    AllPoints,
    ElevenPoints,
    Trapezoids,
    OpenTrapezoids,
}

/// <summary>Which detection comes first of equal scores.</summary>
internal enum TieRule
{
    ImageOrder,
    FileOrder,
    LaterImageFirst,
    ImageFileOrder,
}

/// <summary>The single decisions that a protocol is made of, at one IoU threshold.</summary>
internal sealed record ScoringRules
{
    private static readonly ScoringRules Coco = new();

    public bool InclusivePixels { get; init; }

    public bool StrictlyAbove { get; init; }

    public bool SecondChoice { get; init; } = true;

    public bool LaterOfEqualIou { get; init; } = true;

    public CrowdRule Crowds { get; init; }

    public bool IgnoreFlag { get; init; }

    public bool DifficultIsNeutral { get; init; }

    public bool GroupOf { get; init; }

    public double GroupWeight { get; init; }

    public bool IdZeroIsMiss { get; init; } = true;

    public bool CopiesByLastId { get; init; } = true;

    public int PerImageAndClass { get; init; } = 100;

    public int PerImage { get; init; } = int.MaxValue;

    public bool VerifiedClassesOnly { get; init; }

    public bool VerifiedWhereListed { get; init; }

    public bool SingleBoxes { get; init; }

    public CurveRule Curve { get; init; }

    public TieRule Ties { get; init; }

    public bool EmptyClassesCountZero { get; init; }

    public static ScoringRules Of(DetectionProtocol protocol)
    {
        var voc = Coco with
        {
            InclusivePixels = true,
            StrictlyAbove = true,
            SecondChoice = false,
            LaterOfEqualIou = false,
            Crowds = CrowdRule.Neutral,
            DifficultIsNeutral = true,
            IdZeroIsMiss = false,
            CopiesByLastId = false,
            PerImageAndClass = int.MaxValue,
            Ties = TieRule.FileOrder
        };
        var plain = Coco with
        {
            SecondChoice = false,
            LaterOfEqualIou = false,
            Crowds = CrowdRule.Ordinary,
            IdZeroIsMiss = false,
            CopiesByLastId = false,
            PerImageAndClass = int.MaxValue
        };
        return protocol switch
        {
            DetectionProtocol.Coco => Coco,
            DetectionProtocol.CocoFixed
                => Coco with { IdZeroIsMiss = false, CopiesByLastId = false, IgnoreFlag = true, Curve = CurveRule.ExactGrid },
            DetectionProtocol.TorchMetrics => Coco with { IdZeroIsMiss = false, SingleBoxes = true, Curve = CurveRule.SingleGrid },
            // What is compared here is boxes: that is the kit's second task.
            DetectionProtocol.Voc07 or DetectionProtocol.Dota => voc with { Curve = CurveRule.ElevenPoints },
            DetectionProtocol.Voc10 => voc with { Curve = CurveRule.AllPoints },
            DetectionProtocol.Padilla => plain with { InclusivePixels = true, Curve = CurveRule.AllPoints, Ties = TieRule.FileOrder },
            DetectionProtocol.Padilla11 => plain with { InclusivePixels = true, Curve = CurveRule.ElevenPoints, Ties = TieRule.FileOrder },
            DetectionProtocol.Yolo => plain with { Curve = CurveRule.Trapezoids, Ties = TieRule.FileOrder },
            DetectionProtocol.YoloLegacy => plain with { Curve = CurveRule.OpenTrapezoids, Ties = TieRule.FileOrder },
            DetectionProtocol.OpenImages
                => plain with
                {
                    DifficultIsNeutral = true,
                    GroupOf = true,
                    VerifiedWhereListed = true,
                    Curve = CurveRule.AllPoints,
                    Ties = TieRule.LaterImageFirst
                },
            DetectionProtocol.Lvis
                => Coco with
                {
                    Crowds = CrowdRule.Ordinary,
                    IgnoreFlag = true,
                    PerImageAndClass = int.MaxValue,
                    PerImage = 300,
                    VerifiedClassesOnly = true
                },
            DetectionProtocol.Tide
                => Coco with
                {
                    LaterOfEqualIou = false,
                    Crowds = CrowdRule.Region,
                    IdZeroIsMiss = false,
                    CopiesByLastId = false,
                    PerImageAndClass = int.MaxValue,
                    PerImage = 100,
                    Curve = CurveRule.ExactGrid,
                    Ties = TieRule.ImageFileOrder,
                    EmptyClassesCountZero = true
                },
            _ => throw new ArgumentOutOfRangeException(nameof(protocol), protocol, "This protocol is not known."),
        };
    }

    /// <summary>The decisions in which two protocols differ, in words, each with the step that takes over only that one.</summary>
    public static IEnumerable<(string Rule, Func<ScoringRules, ScoringRules> Step)> Differences(ScoringRules from, ScoringRules to)
    {
        if (from.IdZeroIsMiss != to.IdZeroIsMiss)
        {
            yield return (to.IdZeroIsMiss ? "an object with id 0 can never be hit" : "an object with id 0 can be hit", r
                => r with { IdZeroIsMiss = to.IdZeroIsMiss });
        }
        if (from.CopiesByLastId != to.CopiesByLastId)
        {
            yield return (to.CopiesByLastId ? "the last object of a repeated id stands for all"
                : "objects with a repeated id are objects of their own", r => r with { CopiesByLastId = to.CopiesByLastId });
        }
        if (from.VerifiedClassesOnly != to.VerifiedClassesOnly)
        {
            yield return (to.VerifiedClassesOnly ? "detections of classes that were not verified in the image are not judged"
                : "all classes are judged in all images", r => r with { VerifiedClassesOnly = to.VerifiedClassesOnly });
        }
        if (from.VerifiedWhereListed != to.VerifiedWhereListed)
        {
            yield return (to.VerifiedWhereListed ? "where images list verified classes, others are not judged"
                : "lists of verified classes are not read", r => r with { VerifiedWhereListed = to.VerifiedWhereListed });
        }
        if (from.SingleBoxes != to.SingleBoxes) yield return ("boxes are rounded to float32", r => r with { SingleBoxes = to.SingleBoxes });
        if (from.PerImageAndClass != to.PerImageAndClass)
        {
            yield return (to.PerImageAndClass == int.MaxValue ? "no limit of detections per image and class"
                : $"at most {to.PerImageAndClass} detections per image and class", r => r with { PerImageAndClass = to.PerImageAndClass });
        }
        if (from.PerImage != to.PerImage)
        {
            yield return (to.PerImage == int.MaxValue ? "no limit of detections per image"
                : $"at most {to.PerImage} detections per image over all classes", r => r with { PerImage = to.PerImage });
        }
        if (from.InclusivePixels != to.InclusivePixels)
        {
            yield return (to.InclusivePixels ? "one pixel is added to widths and heights" : "no pixel is added to widths and heights", r
                => r with { InclusivePixels = to.InclusivePixels });
        }
        if (from.StrictlyAbove != to.StrictlyAbove)
        {
            yield return (to.StrictlyAbove ? "IoU must exceed the threshold" : "IoU may equal the threshold", r
                => r with { StrictlyAbove = to.StrictlyAbove });
        }
        if (from.Crowds != to.Crowds) yield return (CrowdWords(to.Crowds), r => r with { Crowds = to.Crowds });
        if (from.IgnoreFlag != to.IgnoreFlag)
        {
            yield return (to.IgnoreFlag ? "the file's ignore field counts" : "the file's ignore field is not read", r
                => r with { IgnoreFlag = to.IgnoreFlag });
        }
        if (from.DifficultIsNeutral != to.DifficultIsNeutral)
        {
            yield return (to.DifficultIsNeutral ? "difficult objects are neither hit nor miss" : "difficult objects are ordinary", r
                => r with { DifficultIsNeutral = to.DifficultIsNeutral });
        }
        if (from.GroupOf != to.GroupOf)
        {
            yield return (to.GroupOf ? "group-of regions absorb detections" : "group-of regions are ordinary objects", r
                => r with { GroupOf = to.GroupOf });
        }
        if (from.SecondChoice != to.SecondChoice)
        {
            yield return (to.SecondChoice ? "a detection may take its second choice"
                : "a detection whose best object is taken is a miss (no second choice)", r => r with { SecondChoice = to.SecondChoice });
        }
        if (from.LaterOfEqualIou != to.LaterOfEqualIou)
        {
            yield return (to.LaterOfEqualIou ? "of equal IoU the later object wins" : "of equal IoU the first object wins", r
                => r with { LaterOfEqualIou = to.LaterOfEqualIou });
        }
        if (from.Ties != to.Ties) yield return ("order of equal scores", r => r with { Ties = to.Ties });
        if (from.Curve != to.Curve) yield return (CurveWords(to.Curve), r => r with { Curve = to.Curve });
        if (from.EmptyClassesCountZero != to.EmptyClassesCountZero)
        {
            yield return (to.EmptyClassesCountZero ? "a class with detections only counts as AP 0"
                : "a class without objects does not count", r => r with { EmptyClassesCountZero = to.EmptyClassesCountZero });
        }
    }

    private static string CrowdWords(CrowdRule rule) => rule switch
    {
        CrowdRule.Reusable => "crowd regions swallow detections (overlap over the detection's area)",
        CrowdRule.Neutral => "crowd regions count like difficult objects",
        CrowdRule.Ordinary => "crowd regions are ordinary objects",
        _ => "crowd regions excuse free detections only",
    };

    private static string CurveWords(CurveRule rule) => rule switch
    {
        CurveRule.NumpyGrid => "101 recall values with the bits of numpy",
        CurveRule.ExactGrid => "101 recall values i/100",
        CurveRule.SingleGrid => "101 recall values with the bits of float32",
        CurveRule.AllPoints => "area under all points of the envelope",
        CurveRule.ElevenPoints => "mean of 11 precisions",
        CurveRule.Trapezoids => "trapezoids over 101 interpolated points",
        _ => "trapezoids with a ramp from the last point to recall 1",
    };
}
