using Cresset.Numerics;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>
/// Values and greedy policy of a grid world after every sweep or round of planning, and those that a run of a learner ended with.
/// </summary>
[Part("grid-iterations")]
internal sealed record GridIterations : LiveComputation
{
    private const int Most = 200;

    /// <summary>A run of the job rl-solve on a grid world.</summary>
    public string Run { get; init; } = "";

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks();

    /// <inheritdoc/>
    public override object Compute(LiveContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var (run, recipe) = context.Open(Run);
        if (recipe.Options.Values.OfType<RlSolveOptions>().FirstOrDefault() is not { } options
            || options.Environment.Make() is not IGridWorld world)
            throw new ArgumentException($"Run '{Run}' does not solve a world whose states are cells of a grid.");
        var frames = new List<Frame>();
        if (options.Environment.CreateTable() is { } table)
        {
            var planning = new PlanningOptions
            {
                Gamma = options.Gamma,
                MaxIterations = Most,
                OnIteration =
                    (i, values) => frames.Add(new(i, [.. values], Bellman.GreedyActions(table.Model, [.. values], options.Gamma))),
            };
            if (options.Algorithm is PolicyIterationPlanner) PolicyIteration.Solve(table.Model, planning);
            else ValueIteration.Solve(table.Model, planning);
        }
        var path = Path.Combine(run.Folder, SolvedPolicy.FileName);
        var final = File.Exists(path) ? SolvedPolicy.LoadFile(path) : null;
        return new
        {
            world.Rows,
            world.Columns,
            options.Gamma,
            Algorithm = options.Method,
            // Only planners are repeated here; what a learner went through is not kept step by step.
            Planner = PartCatalog.NameOf(options.Algorithm is PolicyIterationPlanner ? typeof(PolicyIterationPlanner)
                : typeof(ValueIterationPlanner)),
            Kinds = Enumerable.Range(0, world.Rows * world.Columns)
                .Select(i => world.KindOf(i / world.Columns, i % world.Columns).ToString()).ToList(),
            Cells = Enumerable.Range(0, Math.Max(frames.Count > 0 ? frames[0].Values.Length : 0, final?.Values.Length ?? 0))
                .Select(s => world.CellOf(s) is var (row, column) ? (row * world.Columns) + column : 0).ToList(),
            Moves = Enumerable.Range(0, Moves(frames, final)).Select(a => world.MoveOf(a) is var (down, right) ? new[] { down, right } : [])
                .ToList(),
            Frames = frames,
            Final = final is null ? null : new Frame(-1, final.Values, final.Actions),
        };
    }

    private static int Moves(List<Frame> frames, SolvedPolicy? final)
        => 1 + frames.SelectMany(f => f.Actions).Concat(final?.Actions ?? []).DefaultIfEmpty(-1).Max();

    private sealed record Frame(int Iteration, double[] Values, int[] Actions);
}
