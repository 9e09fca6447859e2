using Cresset.Data;
using Cresset.Flows;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>How a posterior is learned.</summary>
internal enum PosteriorMethod
{
    /// <summary>By the likelihood of the parameters (neural posterior estimation).</summary>
    Likelihood,

    /// <summary>
    /// By regression on velocities (flow matching posterior estimation, Wildberger et al. 2023), for a continuous flow: a fraction of the
    /// cost.
    /// </summary>
    Matching,
}

/// <summary>A conditional flow that learns the posterior of parameters given observations.</summary>
internal sealed record PosteriorOptions : IOptionsRecord
{
    /// <summary>Columns of the table that are parameters; the other columns are what was observed.</summary>
    public IReadOnlyList<string> Parameters { get; init; } = [];

    /// <summary>The flow over the parameters, conditioned on the observation; couplings need two parameters.</summary>
    public FlowOptions Flow { get; init; } = new SplineFlow { Transforms = 5, Width = 64 };

    /// <summary>How it learns; matching with a continuous flow (ffjord) alone.</summary>
    public PosteriorMethod Method { get; init; }

    /// <summary>Draws a held-out pair of the simulation-based calibration.</summary>
    public int Draws { get; init; } = 99;

    /// <summary>Most held-out pairs that the calibration looks at.</summary>
    public int CalibrationPairs { get; init; } = 500;

    /// <summary>
    /// Draws that the last evaluation compares with as many from the true posterior, where the simulator is a built-in one: the figure
    /// c2st, 0.5 where a classifier cannot tell them apart. 0 leaves it out.
    /// </summary>
    public int ReferenceDraws { get; init; } = 10_000;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Parameters is not null, null, "a list of column names", field: nameof(Parameters))
        .Must(Flow is { TakesContext: true }, Flow is null ? null : PartCatalog.NameOf(Flow.GetType()),
            "a flow that is conditioned on features", "Choose another, for example model.flow=spline.", nameof(Flow))
        .Nested(Flow)
        .Defined(Method)
        .Must(Method == PosteriorMethod.Likelihood || Flow is ContinuousFlowOptions, Method, "likelihood with such a flow",
            "Matching learns a velocity: model.flow=ffjord.")
        .Within(Draws, 9, 9999)
        .Within(CalibrationPairs, 20, 100_000)
        .Must(ReferenceDraws == 0 || ReferenceDraws is >= 100 and <= 1_000_000, ReferenceDraws, "0, or 100 to 1,000,000");

    internal DensityModel Create(PosteriorColumns columns) => Flow.BuildConditional(columns.Observed.Length, columns.Parameters.Length);
}

/// <summary>Which features of a table's rows are parameters and which are observations.</summary>
internal sealed record PosteriorColumns(long[] Parameters, long[] Observed, IReadOnlyList<TableColumn> All)
{
    public string[] ParameterNames => [.. Parameters.Select(i => All[(int)i].Name)];

    public string[] ObservedNames => [.. Observed.Select(i => All[(int)i].Name)];

    /// <exception cref="InvalidDataException">A parameter is not a column of numbers, or nothing is left to observe.</exception>
    public static PosteriorColumns Of(PosteriorOptions options, DataFacts facts)
    {
        if (facts.Table is not { } table)
            throw new DataMismatchException(
                $"{facts.Name}: a posterior is learned from a table of pairs; name a CSV file: data=pairs.csv.");
        string[] names = [.. table.Columns.Select(c => c.Name)];
        if (table.Columns.FirstOrDefault(c => c.Levels is not null) is { } named)
            throw new DataMismatchException(
                $"{facts.Name}: column '{named.Name}' holds classes; parameters and observations are numbers. Leave it out: "
                    + $"data.leave_out=[{named.Name}].");
        if (options.Parameters.Count == 0)
            throw new DataMismatchException(
                $"{facts.Name}: say which columns are parameters, the others are observations: model.parameters=[{names[0]}]. Columns: "
                    + $"{string.Join(", ", names)}.");
        if (options.Parameters.FirstOrDefault(p => !names.Contains(p)) is { } unknown)
            throw new DataMismatchException(
                $"{facts.Name}: there is no column '{unknown}' (model.parameters). Columns: {string.Join(", ", names)}.");
        long[] parameters = [.. options.Parameters.Distinct().Select(p => (long)Array.IndexOf(names, p))];
        long[] observed = [.. Enumerable.Range(0, names.Length).Select(i => (long)i).Except(parameters)];
        if (observed.Length == 0)
            throw new DataMismatchException(
                $"{facts.Name}: all columns are parameters; a posterior needs one column at least that was observed.");
        if (options.Flow.Refuses([parameters.Length]) is { } reason)
            throw new DataMismatchException(
                $"{facts.Name}: {parameters.Length} parameter{(parameters.Length == 1 ? "" : "s")}; {reason}. Choose another flow: "
                    + $"model.flow=spline.");
        return new PosteriorColumns(parameters, observed, table.Columns);
    }
}
