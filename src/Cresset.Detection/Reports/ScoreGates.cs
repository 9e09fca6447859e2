using System.Globalization;

namespace Cresset.Detection;

/// <summary>A condition that a score has to meet.</summary>
/// <param name="Name">A statistic (<c>AP</c>) or one of a class (<c>AP50/person</c>).</param>
/// <param name="Limit">The least value, or the largest loss against the baseline.</param>
/// <param name="IsDrop">Whether the limit is a loss.</param>
public sealed record ScoreGate(string Name, double Limit, bool IsDrop)
{
    /// <summary>Reads <c>NAME=VALUE</c> with a value in [0, 1].</summary>
    /// <exception cref="ArgumentException">The text is not that.</exception>
    public static ScoreGate Parse(string text, bool isDrop)
    {
        ArgumentNullException.ThrowIfNull(text);
        var at = text.LastIndexOf('=');
        if (at < 1 || !double.TryParse(text.AsSpan(at + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            || value is not (>= 0 and <= 1))
        {
            throw new ArgumentException(
                $"{(isDrop ? "--max-drop" : "--min")} is '{text}'; needed is NAME=VALUE with a value in [0, 1], such as "
                    + $"{(isDrop ? "AP=0.005" : "AP=0.5 or AP50/person=0.7")}.", nameof(text));
        }
        return new ScoreGate(text[..at], value, isDrop);
    }
}

/// <summary>What became of a gate.</summary>
/// <param name="Gate">The gate.</param>
/// <param name="Value">The value; NaN when it is not defined.</param>
/// <param name="Baseline">The value of the baseline; null without one.</param>
/// <param name="Passed">Whether it is met.</param>
public sealed record GateVerdict(ScoreGate Gate, double Value, double? Baseline, bool Passed)
{
    /// <summary>The gate in words, such as <c>AP at least 0.5</c>.</summary>
    public string Condition => Gate.IsDrop
        ? string.Create(CultureInfo.InvariantCulture, $"{Gate.Name} at most {Gate.Limit} below the baseline")
        : string.Create(CultureInfo.InvariantCulture, $"{Gate.Name} at least {Gate.Limit}");

    /// <summary>What was found.</summary>
    public string Finding => Baseline is { } b
        ? $"{Gate.Name} is {Text(Value)}, the baseline {Text(b)}"
        : $"{Gate.Name} is {Text(Value)}";

    private static string Text(double value)
        => double.IsNaN(value) ? "not defined" : value.ToString("0.000000", CultureInfo.InvariantCulture);
}

/// <summary>Judges a score by gates, alone and against a baseline.</summary>
public static class ScoreGates
{
    /// <summary>A value that is not defined misses its gate, except against a baseline in which it is not defined either.</summary>
    /// <exception cref="ArgumentException">A name is unknown, a loss is asked for without a baseline, or the baseline is of another
    /// protocol or data set.</exception>
    public static IReadOnlyList<GateVerdict> Judge(ScoreSummary score, IEnumerable<ScoreGate> gates, ScoreSummary? baseline = null)
    {
        ArgumentNullException.ThrowIfNull(score);
        ArgumentNullException.ThrowIfNull(gates);
        if (baseline is not null) RequireComparable(score, baseline);
        // All names are looked up first, so that a typing mistake is not hidden behind a missed gate.
        return [.. gates.Select(gate => Judge(score, gate, baseline)).ToArray()];
    }

    private static GateVerdict Judge(ScoreSummary score, ScoreGate gate, ScoreSummary? baseline)
    {
        var value = score.ValueOf(gate.Name);
        if (!gate.IsDrop) return new GateVerdict(gate, value, null, value >= gate.Limit);
        if (baseline is null) throw new ArgumentException($"--max-drop {gate.Name} needs --baseline FILE, the JSON of an earlier score.",
            nameof(baseline));
        var before = baseline.ValueOf(gate.Name);
        // A value that both files hold alike must not fail on the last digit of a subtraction.
        var passed = double.IsNaN(before) ? true : value >= before - gate.Limit - 1e-12;
        return new GateVerdict(gate, value, before, passed);
    }

    private static string Listed(IEnumerable<double> thresholds) =>
        string.Join(", ", thresholds.Select(t => t.ToString("0.####", CultureInfo.InvariantCulture)));

    private static void RequireComparable(ScoreSummary score, ScoreSummary baseline)
    {
        if (score.Protocol != baseline.Protocol || score.IouType != baseline.IouType)
        {
            throw new ArgumentException(
                $"the baseline was scored as {baseline.Protocol}, {baseline.IouType}; this score is {score.Protocol}, {score.IouType}.",
                nameof(baseline));
        }
        if (baseline.IouThresholds.Count > 0 && !baseline.IouThresholds.SequenceEqual(score.IouThresholds))
        {
            throw new ArgumentException(
                $"the baseline has the IoU thresholds {Listed(baseline.IouThresholds)}; this score has {Listed(score.IouThresholds)}.",
                nameof(baseline));
        }
        if (score.Images != baseline.Images || score.Objects != baseline.Objects)
        {
            throw new ArgumentException(
                $"the baseline was scored on {baseline.Images} images with {baseline.Objects} objects, this score on {score.Images} with "
                    + $"{score.Objects}; write a new baseline for this data set.", nameof(baseline));
        }
        // Files of earlier versions say neither.
        if (baseline.Settings is { } before && score.Settings is { } now)
        {
            foreach (var name in before.Keys.Union(now.Keys).Order(StringComparer.Ordinal))
            {
                var (was, isNow) = (before.GetValueOrDefault(name), now.GetValueOrDefault(name));
                const string Own = "as the protocol has it";
                if (was != isNow)
                    throw new ArgumentException($"the baseline was scored with {name} {was ?? Own}; this score has it {isNow ?? Own}.",
                        nameof(baseline));
            }
        }
        if (score.Classes.Select(c => c.Name).Except(baseline.Classes.Select(c => c.Name)).FirstOrDefault() is { } unknown)
            throw new ArgumentException($"the baseline has no class '{unknown}'; write a new baseline for this data set.",
                nameof(baseline));
        if (baseline.GroundTruthFingerprint is { } other && score.GroundTruthFingerprint is { } own && other != own)
            throw new ArgumentException(
                $"the baseline was scored on as many images and objects, but other boxes, classes or marks ({baseline.GroundTruth}); write "
                    + "a new baseline for this data set.", nameof(baseline));
    }
}

/// <summary>Thrown when a score does not meet a test's conditions.</summary>
public sealed class DetectionAssertException(string message) : Exception(message);

/// <summary>Conditions on scores for test projects, independent of the test framework.</summary>
public static class DetectionAssert
{
    /// <summary>Requires least values, each <c>NAME=VALUE</c> as <c>cresset detect eval --min</c> takes them.</summary>
    /// <exception cref="DetectionAssertException">A value is lower or not defined.</exception>
    public static void AtLeast(ScoreSummary score, params string[] conditions)
        => Require(ScoreGates.Judge(score, conditions.Select(c => ScoreGate.Parse(c, isDrop: false))));

    /// <summary>Requires that no value is more below the baseline than allowed, each <c>NAME=LOSS</c>.</summary>
    /// <exception cref="DetectionAssertException">A loss is larger.</exception>
    public static void NoDrop(ScoreSummary score, ScoreSummary baseline, params string[] conditions)
        => Require(ScoreGates.Judge(score, conditions.Select(c => ScoreGate.Parse(c, isDrop: true)), baseline));

    private static void Require(IReadOnlyList<GateVerdict> verdicts)
    {
        var missed = verdicts.Where(v => !v.Passed).ToArray();
        if (missed.Length > 0) throw new DetectionAssertException(
            string.Join(Environment.NewLine, missed.Select(v => $"{v.Condition} is needed: {v.Finding}.")));
    }
}
