using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>One setting of a sweep with what its repetitions gave.</summary>
/// <param name="Overrides">The values of the axes.</param>
/// <param name="Runs">Ids of its runs.</param>
/// <param name="Figures">Mean and sample deviation (NaN for one run) of each figure, the headline first.</param>
public sealed record SweepRow(IReadOnlyList<string> Overrides, IReadOnlyList<string> Runs,
    IReadOnlyDictionary<string, (double Mean, double Deviation)> Figures)
{
    /// <summary>The name of the setting among those that a recipe compares; empty otherwise.</summary>
    public string Name { get; init; } = "";

    /// <summary>Name and values; empty where nothing varies.</summary>
    public string Words => Name.Length == 0 ? string.Join(' ', Overrides) : string.Join(' ', Overrides.Prepend(Name));

    /// <summary>Which repetition each of <see cref="Runs"/> is, from 0: seeds outermost, folds within.</summary>
    public IReadOnlyList<int> Repetitions { get; init; } = [];

    /// <summary>Why runs of this setting failed, one sentence a run; they count in no figure.</summary>
    public IReadOnlyList<string> Failures { get; init; } = [];

    /// <summary>The figures of every run, in the order of <see cref="Runs"/>.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<double>> Values { get; init; } = new Dictionary<string, IReadOnlyList<double>>();

    /// <summary>
    /// The interquartile mean of a figure with its 95 % bootstrap band; null for fewer than four runs, of which it leaves none out.
    /// </summary>
    public InterquartileMean? Middle(string figure) =>
        Values.TryGetValue(figure, out var values) && values.Count >= 4 && values.All(double.IsFinite) ? InterquartileMean.Of([.. values])
            : null;

    /// <summary>Half the width of the 95 % interval of a figure's mean (Student's t) over its runs; NaN for one run.</summary>
    public double HalfWidth(string figure) =>
        Runs.Count < 2 ? double.NaN : StudentT.Quantile975(Runs.Count - 1) * Figures[figure].Deviation / Math.Sqrt(Runs.Count);

    /// <summary>
    /// Mean of the differences of a figure from another setting's, run by run of the same repetition, with half the width of its 95 %
    /// interval (Student's t). What repetitions have in common, such as hard initial weights, drops out. Null where fewer than two can be
    /// paired.
    /// </summary>
    public (double Mean, double HalfWidth)? DifferenceFrom(SweepRow other, string figure)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (!Values.TryGetValue(figure, out var own) || !other.Values.TryGetValue(figure, out var others)) return null;
        var differences = Repetitions.Zip(own)
            .Join(other.Repetitions.Zip(others), a => a.First, b => b.First, (a, b) => a.Second - b.Second).ToList();
        if (differences.Count < 2) return null;
        var (mean, deviation) = Spread(differences);
        return (mean, StudentT.Quantile975(differences.Count - 1) * deviation / Math.Sqrt(differences.Count));
    }

    /// <summary>Mean and sample deviation; NaN for a single value.</summary>
    internal static (double Mean, double Deviation) Spread(List<double> values)
    {
        var mean = values.Average();
        return (mean, values.Count < 2 ? double.NaN : Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Count - 1)));
    }
}

/// <summary>A run of a sweep that has come to its end.</summary>
/// <param name="Run">Its id.</param>
/// <param name="Figures">Its figures.</param>
public sealed record SweepCell(string Run, IReadOnlyDictionary<string, double> Figures);
