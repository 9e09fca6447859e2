using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Choices for <see cref="ZhaoGridWorld"/>; the defaults are the 5 by 5 world of the book.</summary>
public sealed record ZhaoGridWorldOptions : IOptionsRecord
{
    /// <summary>Number of rows.</summary>
    public int Rows { get; init; } = 5;

    /// <summary>Number of columns.</summary>
    public int Columns { get; init; } = 5;

    /// <summary>Forbidden cells as row and column from 0.</summary>
    public IReadOnlyList<(int Row, int Column)> Forbidden { get; init; } = [(1, 1), (1, 2), (2, 2), (3, 1), (3, 3), (4, 1)];

    /// <summary>The target cell as row and column from 0.</summary>
    public (int Row, int Column) Target { get; init; } = (3, 2);

    /// <summary>Where episodes start; null means any cell with equal probability.</summary>
    public (int Row, int Column)? Start { get; init; }

    /// <summary>Reward for bumping into the border.</summary>
    public double BoundaryReward { get; init; } = -1;

    /// <summary>Reward for entering (or staying in) a forbidden cell.</summary>
    public double ForbiddenReward { get; init; } = -1;

    /// <summary>Reward for entering (or staying in) the target.</summary>
    public double TargetReward { get; init; } = 1;

    /// <summary>Reward for any other step.</summary>
    public double StepReward { get; init; }

    /// <summary>Whether the stay action exists (the fifth action).</summary>
    public bool HasStayAction { get; init; } = true;

    /// <summary>Whether forbidden cells can be entered; if not, the step fails and pays the forbidden reward.</summary>
    public bool CanEnterForbidden { get; init; } = true;

    /// <summary>Whether the episode ends at the target.</summary>
    public bool EndsAtTarget { get; init; }

    /// <summary>
    /// Whether bumping into the border from within a forbidden cell pays both rewards (figures 5.6 and 5.7 of the book need it).
    /// </summary>
    public bool AdditiveBounce { get; init; }

    /// <summary>The book's second setting: forbidden cells cost 10.</summary>
    public static ZhaoGridWorldOptions HarshForbidden => new() { ForbiddenReward = -10 };

    /// <summary>The setting of figures 7.2 and 7.3: from the top left corner to the target, which ends the episode.</summary>
    public static ZhaoGridWorldOptions StartToTarget => new()
    {
        Start = (0, 0),
        EndsAtTarget = true,
        TargetReward = 0,
        ForbiddenReward = -10,
        BoundaryReward = -10,
        StepReward = -1,
    };

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Rows, 1)
        .AtLeast(Columns, 1)
        .Finite(BoundaryReward).Finite(ForbiddenReward).Finite(TargetReward).Finite(StepReward)
        .Must(IsInside(Target), Target, $"a cell of the {Rows} by {Columns} grid", "rows and columns count from 0")
        .Must(Start is not { } s || IsInside(s), Start, $"a cell of the {Rows} by {Columns} grid, or null", "rows and columns count from 0")
        .Must(Forbidden.All(IsInside), string.Join(' ', Forbidden), $"cells of the {Rows} by {Columns} grid",
            "rows and columns count from 0");

    private bool IsInside((int Row, int Column) cell) => (uint)cell.Row < (uint)Rows && (uint)cell.Column < (uint)Columns;
}

/// <summary>
/// The grid world of S. Zhao, "Mathematical Foundations of Reinforcement Learning": states row * columns + column, actions 0 up, 1 right, 2
/// down, 3 left, 4 stay; the reward depends on the cell entered.
/// </summary>
public sealed class ZhaoGridWorld : TableEnvironment, IGridWorld, IRenderable
{
    private static readonly (int Row, int Column)[] Moves = [(-1, 0), (0, 1), (1, 0), (0, -1), (0, 0)];
    private readonly ZhaoGridWorldOptions _options;

    /// <summary>Makes the world.</summary>
    public ZhaoGridWorld(ZhaoGridWorldOptions? options = null)
        : base(BuildTable((options ??= new()).ThrowIfInvalid()))
        => _options = options;

    /// <inheritdoc/>
    public int Rows => _options.Rows;

    /// <inheritdoc/>
    public int Columns => _options.Columns;

    /// <inheritdoc/>
    public int FramesPerSecond => 4;

    /// <inheritdoc/>
    public (int Row, int Column) CellOf(int state) => (state / Columns, state % Columns);

    /// <inheritdoc/>
    public (int Row, int Column) MoveOf(int action) => Moves[action];

    /// <inheritdoc/>
    public GridCellKind KindOf(int row, int column)
        => (row, column) == _options.Target ? GridCellKind.Goal
            : _options.Forbidden.Contains((row, column)) ? GridCellKind.Forbidden
            : (row, column) == _options.Start ? GridCellKind.Start : GridCellKind.Floor;

    /// <inheritdoc/>
    public RgbImage Render() => GridPictures.Render(this, State);

    /// <inheritdoc/>
    public string RenderText() => GridPictures.Text(this, State);

    private static TransitionTable BuildTable(ZhaoGridWorldOptions options)
    {
        var (rows, columns) = (options.Rows, options.Columns);
        var table = new TransitionTableBuilder(rows * columns, options.HasStayAction ? 5 : 4);
        for (var state = 0; state < rows * columns; state++)
        {
            var here = (Row: state / columns, Column: state % columns);
            for (var action = 0; action < (options.HasStayAction ? 5 : 4); action++)
            {
                var (row, column) = (here.Row + Moves[action].Row, here.Column + Moves[action].Column);
                if ((uint)row >= (uint)rows || (uint)column >= (uint)columns)
                {
                    var extra = options.AdditiveBounce && options.Forbidden.Contains(here) ? options.ForbiddenReward : 0;
                    table.Add(state, action, 1, state, options.BoundaryReward + extra);
                }
                else if (options.Forbidden.Contains((row, column)))
                {
                    table.Add(state, action, 1, options.CanEnterForbidden ? (row * columns) + column : state, options.ForbiddenReward);
                }
                else
                {
                    var target = (row, column) == options.Target;
                    table.Add(state, action, 1, (row * columns) + column, target ? options.TargetReward : options.StepReward,
                        target && options.EndsAtTarget);
                }
            }
        }
        if (options.Start is { } start) table.StartIn((start.Row * columns) + start.Column);
        else table.StartUniformly([.. Enumerable.Range(0, rows * columns)]);
        return table.Build();
    }
}
