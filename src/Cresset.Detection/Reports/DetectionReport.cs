using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>What goes into a report.</summary>
public sealed record DetectionReportOptions : IOptionsRecord
{
    /// <summary>Title of the page.</summary>
    public string Title { get; init; } = "Detection report";

    /// <summary>Protocol of the headline and the class table.</summary>
    public ProtocolOptions Protocol { get; init; } = new();

    /// <summary>IoU of curves, thresholds, matrix and error breakdown.</summary>
    public double IouThreshold { get; init; } = 0.5;

    /// <summary>Score below which detections are left out of matrix and pictures; null takes each report's best mean F1.</summary>
    public double? MinScore { get; init; }

    /// <summary>Resamples for confidence intervals; 0 leaves them out.</summary>
    public int Resamples { get; init; }

    /// <summary>Seed of the resamples.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Number of worst images to show.</summary>
    public int WorstImages { get; init; } = 12;

    /// <summary>Folder of the pictures; null draws boxes on an empty ground.</summary>
    public string? ImageFolder { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .NotEmpty(Title)
        .Nested(Protocol)
        .Within(IouThreshold, 0, 1, includeMin: false)
        .AtLeast(Resamples, 0)
        .AtLeast(WorstImages, 0);
}

/// <summary>One class in a report.</summary>
/// <param name="Id">Category.</param>
/// <param name="Name">Its name.</param>
/// <param name="Objects">Objects that count.</param>
/// <param name="Detections">Detections.</param>
/// <param name="Ap">AP under the report's protocol; NaN when it is not defined.</param>
/// <param name="ApAtIou">AP at the report's IoU threshold under the same protocol; NaN when it is not defined.</param>
/// <param name="Best">Threshold of best F1; null without hits.</param>
/// <param name="AtHighPrecision">Threshold of highest recall at precision 0.9; null when there is none.</param>
/// <param name="Curve">Ranking at the report's IoU threshold.</param>
public sealed record ReportClass(long Id, string Name, double Objects, int Detections, double Ap, double ApAtIou, OperatingPoint? Best,
    OperatingPoint? AtHighPrecision, RankedCurve Curve)
{
    /// <summary>At most so many places of the curve, for drawing.</summary>
    public (double[] Recall, double[] Precision, double[] Scores) Line(int places)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(places, 2);
        return ReportJson.Thin(Curve, places);
    }
}

/// <summary>A slice of the objects.</summary>
/// <param name="Group">What is sliced by: size or aspect.</param>
/// <param name="Name">Name of the slice.</param>
/// <param name="Objects">Objects in it.</param>
/// <param name="Ap">AP over them; -1 without any.</param>
/// <param name="Ar">AR over them; -1 without any.</param>
public sealed record ReportSlice(string Group, string Name, long Objects, double Ap, double Ar);

/// <summary>Everything people look at after scoring a detector, ready to be written as HTML or JSON.</summary>
public sealed class DetectionReport
{
    private DetectionReport(DetectionDataset dataset, DetectionResults results, DetectionReportOptions options, ProtocolResult protocol)
    {
        Dataset = dataset;
        Results = results;
        Options = options;
        Protocol = protocol;
    }

    /// <summary>Ground truth.</summary>
    public DetectionDataset Dataset { get; }

    /// <summary>Detections.</summary>
    public DetectionResults Results { get; }

    /// <summary>Options used.</summary>
    public DetectionReportOptions Options { get; }

    /// <summary>The numbers alone, as they are kept for a baseline.</summary>
    public ScoreSummary Summary => ScoreSummary.Of(Protocol, Options.Protocol, Dataset, Results, Intervals);

    /// <summary>Who met whom at the report's IoU threshold, under the protocol.</summary>
    public DetectionMatching Matching { get; private set; } = null!;

    /// <summary>The answer of the protocol.</summary>
    public ProtocolResult Protocol { get; }

    /// <summary>Classes, ascending by id.</summary>
    public IReadOnlyList<ReportClass> Classes { get; private set; } = [];

    /// <summary>Slices by size and aspect ratio; empty for protocols that know no sizes.</summary>
    public IReadOnlyList<ReportSlice> Slices { get; private set; } = [];

    /// <summary>Error breakdown under the protocol; null for keypoints, and where group-of regions have a weight.</summary>
    public TideResult? Errors { get; private set; }

    /// <summary>Which classes are taken for which.</summary>
    public ConfusionMatrix Confusion { get; private set; } = null!;

    /// <summary>Whether scores mean what they say.</summary>
    public Calibration Calibration { get; private set; } = null!;

    /// <summary>Confidence intervals; empty when none were asked for.</summary>
    public IReadOnlyList<IntervalEstimate> Intervals { get; private set; } = [];

    /// <summary>Images with most errors, worst first.</summary>
    public IReadOnlyList<ImageMatches> Worst { get; private set; } = [];

    /// <summary>Optimal localization-recall-precision error of every class with objects, at the report's IoU threshold.</summary>
    public IReadOnlyList<LocalizationRecallPrecision> LocalizationErrors { get; private set; } = [];

    /// <summary>Labels that confident detections contradict, the most confident first.</summary>
    public IReadOnlyList<LabelErrorCandidate> LabelErrors { get; private set; } = [];

    /// <summary>For each kind of error the images with most of it, at the score of the pictures.</summary>
    internal IReadOnlyList<(TideError Kind, int Count, IReadOnlyList<ImageMatches> Images)> ErrorImages { get; private set; } = [];

    /// <summary>Score from which detections enter matrix and pictures.</summary>
    public double MinScore { get; private set; }

    /// <summary>Evaluates and collects.</summary>
    /// <exception cref="InvalidOptionsException">The options are not allowed.</exception>
    /// <exception cref="ArgumentException">Intervals are asked for with limits that cannot be resampled.</exception>
    public static DetectionReport Create(DetectionDataset dataset, DetectionResults results, DetectionReportOptions? options = null,
        IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        var o = (options ?? new DetectionReportOptions()).ThrowIfInvalid();
        var report = new DetectionReport(dataset, results, o,
            ProtocolEvaluator.Evaluate(dataset, results, o.Protocol, progress, cancellationToken));
        var matching = DetectionMatching.Create(dataset, results, o.Protocol, o.IouThreshold, cancellationToken);
        report.Matching = matching;
        report.Classes = report.ClassesOf(matching);
        report.MinScore = o.MinScore ?? report.Classes.Where(c => c.Best is not null).Select(c => c.Best!.Threshold).DefaultIfEmpty(0)
            .Average();
        report.Slices = report.SlicesOf(cancellationToken);
        if (o.Protocol.Kind != IouKind.Keypoints && o.Protocol.GroupOfWeight == 0) report.Errors = ErrorsOf(matching, cancellationToken);
        var images = matching.ImagesAt(report.MinScore, cancellationToken);
        report.Confusion = ConfusionMatrix.Of(matching.Dataset, images, cancellationToken);
        report.Calibration = Calibration.Of(report.Classes.Select(c => c.Curve));
        report.LocalizationErrors = LocalizationRecallPrecision.Compute(matching);
        report.LabelErrors = Detection.LabelErrors.Find(matching, Math.Max(report.MinScore, 0.5), 20, cancellationToken);
        if (o.Resamples > 0)
        {
            report.Intervals = Bootstrap.Intervals(report.Protocol,
                new ResamplingOptions { Resamples = o.Resamples, Seed = o.Seed, Threads = o.Protocol.Threads }, cancellationToken);
        }
        if (report.Errors is not null) report.ErrorImages = report.ImagesBehind(matching, images, cancellationToken);
        report.Worst = [.. images.Where(m => m.Errors > 0).OrderByDescending(m => m.Errors).ThenBy(m => m.Image.Id).Take(o.WorstImages)];
        return report;
    }

    /// <summary>Writes one HTML file that needs no other.</summary>
    public void WriteHtml(string path) => AtomicFile.WriteText(path, new ReportHtml(this).Page());

    /// <summary>Writes JSON of the schema <c>cresset-detection-report/1</c> (see the guide).</summary>
    public void WriteJson(Stream stream) => ReportJson.Write(this, stream);

    /// <summary>Writes the JSON to a file.</summary>
    public void WriteJson(string path) => AtomicFile.Write(path, WriteJson);

    private List<ReportClass> ClassesOf(DetectionMatching matching)
    {
        var whole = Protocol.Classes.ToDictionary(c => c.Id);
        var atThreshold = matching.Result.Classes.ToDictionary(c => c.Id);
        var classes = new List<ReportClass>();
        foreach (var (id, name, curve) in matching.Rankings())
        {
            var ap = whole.TryGetValue(id, out var c) ? c.MeanAp : double.NaN;
            var apAtIou = atThreshold.TryGetValue(id, out var at) ? at.MeanAp : double.NaN;
            var best = OperatingPoint.BestF(curve);
            classes.Add(new ReportClass(id, name, curve.Positives, curve.Scores.Count, ap, apAtIou, best,
                OperatingPoint.AtPrecision(curve, 0.9), curve));
        }
        return classes;
    }

    private List<(TideError, int, IReadOnlyList<ImageMatches>)> ImagesBehind(DetectionMatching matching, IReadOnlyList<ImageMatches> images,
        CancellationToken cancellation)
    {
        if (Options.WorstImages < 2) return [];
        var results = matching.Results;
        var found = matching.NameErrors(cancellationToken: cancellation).Where(e => results.Items[e.Detection].Score >= MinScore)
            .Select(e => (e.Kind, Image: results.Items[e.Detection].ImageId));
        var missed = images.SelectMany(m
            => m.Pairs.Where(p => p.Detection is null).Select(_ => (Kind: TideError.Missed, Image: m.Image.Id)));
        var byId = images.ToDictionary(m => m.Image.Id);
        return [.. found.Concat(missed).GroupBy(e => e.Kind).OrderBy(g => g.Key).Select(g => (g.Key, g.Count(),
            (IReadOnlyList<ImageMatches>)[.. g.GroupBy(e => e.Image).OrderByDescending(i => i.Count()).ThenBy(i => i.Key)
                .Take(Options.WorstImages / 2).Select(i => byId[i.Key])]))];
    }

    private static TideResult ErrorsOf(DetectionMatching matching, CancellationToken cancellation)
        => matching.Result.Tide ?? new ErrorBreakdown(matching).Result(Math.Min(0.1, matching.IouThreshold), cancellation);

    private List<ReportSlice> SlicesOf(CancellationToken cancellation)
    {
        var slices = new List<ReportSlice>();
        if (Protocol.Coco is not { } coco || Matching.Backend is not CocoBackend) return slices;
        Add("size", coco);
        if (coco.Options.Kind == IouKind.Keypoints) return slices;
        var backend = new CocoBackend(Options.Protocol with { Hierarchy = null }, Matching.Dataset.Categories);
        Add("aspect", backend.Sliced(Matching.Dataset, Matching.Results, CocoOptions.AspectSlices, cancellation));
        return slices;

        void Add(string group, CocoResult result)
        {
            for (var a = 1; a < result.Options.AreaRanges.Count; a++)
            {
                var objects = result.Matches.Sum(m => m.TotalPositives(a));
                slices.Add(new ReportSlice(group, result.Options.AreaRanges[a].Name, objects, result.AveragePrecision(area: a),
                    result.AverageRecall(area: a)));
            }
        }
    }
}
