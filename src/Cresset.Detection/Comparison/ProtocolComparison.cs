namespace Cresset.Detection;

/// <summary>A rule in which a protocol differs from the reference, and what it does to the result.</summary>
/// <param name="Rule">The rule in words.</param>
/// <param name="Effect">Change of mean AP when this rule is taken over after those before it.</param>
/// <param name="Alone">Change of mean AP when this rule alone is taken over.</param>
public sealed record RuleEffect(string Rule, double Effect, double Alone);

/// <summary>One protocol beside the reference.</summary>
/// <param name="Protocol">The protocol.</param>
/// <param name="MeanAp">Mean AP at the IoU threshold.</param>
/// <param name="Headline">Name and value of the protocol's own headline number.</param>
/// <param name="Rules">All rules that differ, in the order they were taken over.</param>
public sealed record ComparedProtocol(DetectionProtocol Protocol, double MeanAp, ProtocolStatistic Headline,
    IReadOnlyList<RuleEffect> Rules)
{
    /// <summary>The rule with the largest effect; null when no rule changes the result.</summary>
    public RuleEffect? Decisive => Rules.Where(r => Math.Abs(r.Effect) > 1e-12).MaxBy(r => Math.Abs(r.Effect));
}

/// <summary>
/// Several protocols on one input, and the rules that make them differ: starting from one protocol, the rules of another are taken over one
/// after the other and the change of mean AP is noted.
/// </summary>
public static class ProtocolComparison
{
    /// <summary>Compares protocols with a reference.</summary>
    /// <param name="dataset">Ground truth.</param>
    /// <param name="results">Detections.</param>
    /// <param name="protocols">Protocols to compare; all when null.</param>
    /// <param name="reference">Where the explanation starts.</param>
    /// <param name="iouThreshold">IoU threshold.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static IReadOnlyList<ComparedProtocol> Run(DetectionDataset dataset, DetectionResults results,
        IReadOnlyList<DetectionProtocol>? protocols = null, DetectionProtocol reference = DetectionProtocol.Coco,
        double iouThreshold = 0.5, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(results);
        if (!(iouThreshold is > 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(iouThreshold), iouThreshold, "The IoU threshold must lie in (0, 1].");
        }
        var evaluator = new ScoringRulesEvaluator(dataset, results, iouThreshold);
        var start = ScoringRules.Of(reference);
        var startAp = evaluator.MeanAp(start);
        var headlines = new ComparedHeadlines(dataset, results);
        var compared = new List<ComparedProtocol>();
        foreach (var protocol in protocols ?? Enum.GetValues<DetectionProtocol>())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var effects = new List<RuleEffect>();
            var rules = start;
            var before = startAp;
            foreach (var (rule, step) in ScoringRules.Differences(start, ScoringRules.Of(protocol)))
            {
                cancellationToken.ThrowIfCancellationRequested();
                rules = step(rules);
                var after = evaluator.MeanAp(rules);
                effects.Add(new RuleEffect(rule, Change(before, after), Change(startAp, evaluator.MeanAp(step(start)))));
                before = after;
            }
            compared.Add(new ComparedProtocol(protocol, before, headlines.Of(protocol, cancellationToken), effects));
        }
        return compared;
    }

    private static double Change(double before, double after) => double.IsNaN(before) && double.IsNaN(after) ? 0 : after - before;
}
