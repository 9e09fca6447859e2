using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Choices for <see cref="FrozenLake"/>.</summary>
public sealed record FrozenLakeOptions : IOptionsRecord
{
    /// <summary>The map; see <see cref="FrozenLakeMap"/>.</summary>
    public IReadOnlyList<string> Map { get; init; } = FrozenLakeMap.Small;

    /// <summary>Whether a move may go to either side instead.</summary>
    public bool IsSlippery { get; init; } = true;

    /// <summary>Probability of the intended direction on slippery ice; the rest is shared by the two sides.</summary>
    public double SuccessRate { get; init; } = 1.0 / 3.0;

    /// <summary>Reward for reaching the goal.</summary>
    public double GoalReward { get; init; } = 1;

    /// <summary>Reward for falling into a hole.</summary>
    public double HoleReward { get; init; }

    /// <summary>Reward for reaching any other cell.</summary>
    public double FrozenReward { get; init; }

    /// <summary>The 8 by 8 lake.</summary>
    public static FrozenLakeOptions Large => new() { Map = FrozenLakeMap.Large };

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() =>
        new OptionChecks().Within(SuccessRate, 0, 1).Finite(GoalReward).Finite(HoleReward).Finite(FrozenReward);
}

/// <summary>
/// Cross a frozen lake from S to G without falling into a hole. Actions: 0 left, 1 down, 2 right, 3 up. The same table and the same draws
/// as Gymnasium's <c>FrozenLake</c>.
/// </summary>
public sealed class FrozenLake : TableEnvironment, IGridWorld, IRenderable
{
    private static readonly (int Row, int Column)[] Moves = [(0, -1), (1, 0), (0, 1), (-1, 0)];
    private readonly IReadOnlyList<string> _map;

    /// <summary>Makes the environment.</summary>
    public FrozenLake(FrozenLakeOptions? options = null)
        : base(BuildTable((options ??= new()).ThrowIfInvalid()))
        => _map = options.Map;

    /// <inheritdoc/>
    public int FramesPerSecond => 4;

    /// <inheritdoc/>
    public int Rows => _map.Count;

    /// <inheritdoc/>
    public int Columns => _map[0].Length;

    /// <inheritdoc/>
    public (int Row, int Column) CellOf(int state) => (state / Columns, state % Columns);

    /// <inheritdoc/>
    public (int Row, int Column) MoveOf(int action) => Moves[action];

    /// <inheritdoc/>
    public GridCellKind KindOf(int row, int column) => _map[row][column] switch
    {
        'H' => GridCellKind.Trap,
        'G' => GridCellKind.Goal,
        'S' => GridCellKind.Start,
        _ => GridCellKind.Floor,
    };

    /// <inheritdoc/>
    public RgbImage Render() => GridPictures.Render(this, State, kind => kind switch
    {
        GridCellKind.Trap => new GridCell(GridPictures.Water, "H"),
        GridCellKind.Floor => new GridCell(GridPictures.Ice),
        _ => GridPictures.Look(kind),
    });

    /// <inheritdoc/>
    public string RenderText() => GridPictures.Text(this, State);

    private static TransitionTable BuildTable(FrozenLakeOptions options)
    {
        var map = options.Map;
        FrozenLakeMap.Check(map);
        var (rows, columns) = (map.Count, map[0].Length);
        var table = new TransitionTableBuilder(rows * columns, 4);
        var failRate = (1.0 - options.SuccessRate) / 2.0;
        for (var state = 0; state < rows * columns; state++)
        {
            for (var action = 0; action < 4; action++)
            {
                if (map[state / columns][state % columns] is 'G' or 'H')
                {
                    table.Add(state, action, 1, state, 0, true);
                }
                else if (options.IsSlippery)
                {
                    foreach (var turn in (int[])[3, 0, 1])
                        Move(state, action, (action + turn) % 4, turn == 0 ? options.SuccessRate : failRate);
                }
                else
                {
                    Move(state, action, action, 1);
                }
            }
        }

        void Move(int state, int action, int direction, double probability)
        {
            var (row, column) = (state / columns, state % columns);
            switch (direction)
            {
                case 0: column = Math.Max(column - 1, 0); break;
                case 1: row = Math.Min(row + 1, rows - 1); break;
                case 2: column = Math.Min(column + 1, columns - 1); break;
                default: row = Math.Max(row - 1, 0); break;
            }
            var letter = map[row][column];
            var reward = letter switch { 'G' => options.GoalReward, 'H' => options.HoleReward, _ => options.FrozenReward };
            table.Add(state, action, probability, (row * columns) + column, reward, letter is 'G' or 'H');
        }

        return table.StartUniformly([.. Enumerable.Range(0, rows * columns).Where(s => map[s / columns][s % columns] == 'S')]).Build();
    }
}
