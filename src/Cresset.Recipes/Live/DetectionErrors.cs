using Cresset.Detection;
using Cresset.Numerics;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>
/// What a detector finds in its held-out scenes: precision-recall curves, and every detection and object with what became of it, so that a
/// page can move the confidence and show the pictures behind each kind of error.
/// </summary>
[Part("detection-errors")]
internal sealed record DetectionErrors : LiveComputation
{
    /// <summary>A run of the job detector.</summary>
    public string Run { get; init; } = "";

    /// <summary>IoU from which a detection is a hit.</summary>
    public double Iou { get; init; } = 0.5;

    /// <summary>Count masks instead of boxes.</summary>
    public bool Masks { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Iou, 0.05, 0.99);

    /// <inheritdoc/>
    public override object Compute(LiveContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Look<DetectorTask, object>(Run, Answer);
    }

    private object Answer(DetectorTask task, EvaluationContext evaluation)
    {
        var (truth, results) = task.Detect(evaluation);
        var options = DetectorTask.Protocol(Masks ? IouKind.Mask : IouKind.Box);
        var report = DetectionReport.Create(truth, results, new DetectionReportOptions { Protocol = options, IouThreshold = Iou });
        var matching = report.Matching;
        var kinds = matching.NameErrors().ToDictionary(e => e.Detection, e => e.Kind);
        // An object is missed at a confidence above the score of the detection that met it.
        var foundAt = new double?[truth.Objects.Length];
        var detections = new List<object>();
        var sizes = truth.Images.ToDictionary(i => i.Id);
        for (var d = 0; d < results.Items.Length; d++)
        {
            var item = results.Items[d];
            var met = matching.MatchOf(d);
            if (met is { } hit) foundAt[hit.Object] = item.Score;
            detections.Add(new
            {
                Image = item.ImageId,
                Class = item.CategoryId,
                Score = Math.Round(item.Score, 4),
                Box = Shares(item.Box, sizes[item.ImageId]),
                Kind = kinds.TryGetValue(d, out var kind) ? NameOf(kind) : "hit"
            });
        }
        var objects = new List<object>();
        for (var o = 0; o < truth.Objects.Length; o++)
        {
            var item = truth.Objects[o];
            objects.Add(new
            {
                Image = item.ImageId,
                Class = item.CategoryId,
                Box = Shares(item.Box, sizes[item.ImageId]),
                FoundAt = foundAt[o] is { } score ? Math.Round(score, 4) : (double?)null
            });
        }
        return new
        {
            Statistics = report.Protocol.Statistics.Where(s => s.Value >= 0).Select(s => new { s.Name, s.Value }),
            Confidence = Math.Round(report.MinScore, 2),
            Classes = report.Classes.Select(c => new { c.Id, c.Name, c.Objects, Ap = c.ApAtIou, Curve = Thin(c.Curve) }),
            Detections = detections,
            Objects = objects,
            Images = truth.Images.Select(i => new { i.Id, Png = Convert.ToBase64String(task.Scene(i.Id).ToPng()) }),
        };
    }

    private static string NameOf(TideError kind) => kind switch
    {
        TideError.Classification => "class",
        TideError.Localization => "place",
        TideError.Both => "both",
        TideError.Duplicate => "duplicate",
        _ => "background",
    };

    private static double[] Shares(Box b, DatasetImage image) =>
        [.. new[] { b.X / image.Width, b.Y / image.Height, b.Width / image.Width, b.Height / image.Height }.Select(v => Math.Round(v, 4))];

    private static object Thin(RankedCurve curve)
    {
        var step = Math.Max(1, curve.Scores.Count / 200);
        int[] places = [.. Enumerable.Range(0, curve.Scores.Count).Where(i => i % step == 0 || i == curve.Scores.Count - 1)];
        return new
        {
            Recall = places.Select(i => Math.Round(curve.Recall[i], 4)),
            Precision = places.Select(i => Math.Round(curve.Precision[i], 4)),
            Score = places.Select(i => Math.Round(curve.Scores[i], 4))
        };
    }
}
