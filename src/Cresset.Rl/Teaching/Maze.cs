namespace Cresset.Rl;

/// <summary>
/// Find the way through a maze of walls (#) from S to G; in columns with wind the move is pushed up by its strength. Actions:
/// 0 up, 1 down, 2 left, 3 right, then the diagonals and staying where there are more.
/// </summary>
public sealed class Maze : TableEnvironment, IGridWorld, IRenderable
{
    private static readonly (int Row, int Column)[] Moves = [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1), (0, 0)];
    private readonly IReadOnlyList<string> _map;

    /// <summary>A maze of the given map.</summary>
    /// <param name="map">Rows of S, G, # and any other letter for floor.</param>
    /// <param name="stepReward">Reward of every step but the last.</param>
    /// <param name="goalReward">Reward of the step into G.</param>
    /// <param name="wind">Strength of the upward wind of each column; none when left out.</param>
    /// <param name="actions">4, 8 (with diagonals) or 9 (with staying).</param>
    /// <param name="gusty">Where there is wind, its strength varies by -1, 0 or 1 with equal probability.</param>
    /// <exception cref="ArgumentException">The map, the wind or the number of actions is wrong.</exception>
    public Maze(IReadOnlyList<string> map, double stepReward = 0, double goalReward = 1, IReadOnlyList<int>? wind = null, int actions = 4,
        bool gusty = false)
        : base(BuildTable(map, stepReward, goalReward, wind, actions, gusty))
        => _map = map;

    /// <summary>The maze of 6 by 9 for Dyna (example 8.1).</summary>
    public static Maze Dyna() => new(["       #G", "  #    # ", "S #    # ", "  #      ", "     #   ", "         "]);

    /// <summary>The blocking maze before its wall moves (example 8.2).</summary>
    public static Maze BlockingBefore() => new(["        G", "         ", "         ", "######## ", "         ", "   S     "]);

    /// <summary>The blocking maze afterwards: the gap is on the left.</summary>
    public static Maze BlockingAfter() => new(["        G", "         ", "         ", " ########", "         ", "   S     "]);

    /// <summary>The shortcut maze before its shortcut opens (example 8.3).</summary>
    public static Maze ShortcutBefore() => BlockingAfter();

    /// <summary>The shortcut maze afterwards: a second gap on the right.</summary>
    public static Maze ShortcutAfter() => new(["        G", "         ", "         ", " ####### ", "         ", "   S     "]);

    /// <summary>
    /// The windy grid of 7 by 10 (example 6.5), with four moves, king's moves, or king's moves and staying; gusty as in exercise 6.10.
    /// </summary>
    public static Maze Windy(int actions = 4, bool gusty = false)
        => new(["          ", "          ", "          ", "S      G  ", "          ", "          ", "          "], -1, -1,
            [0, 0, 0, 1, 1, 1, 2, 2, 1, 0], actions, gusty);

    /// <inheritdoc/>
    public int Rows => _map.Count;

    /// <inheritdoc/>
    public int Columns => _map[0].Length;

    /// <inheritdoc/>
    public int FramesPerSecond => 8;

    /// <inheritdoc/>
    public (int Row, int Column) CellOf(int state) => (state / Columns, state % Columns);

    /// <inheritdoc/>
    public (int Row, int Column) MoveOf(int action) => Moves[action];

    /// <inheritdoc/>
    public GridCellKind KindOf(int row, int column) => _map[row][column] switch
    {
        '#' => GridCellKind.Wall,
        'G' => GridCellKind.Goal,
        'S' => GridCellKind.Start,
        _ => GridCellKind.Floor,
    };

    /// <inheritdoc/>
    public RgbImage Render() => GridPictures.Render(this, State);

    /// <inheritdoc/>
    public string RenderText() => GridPictures.Text(this, State);

    private static TransitionTable BuildTable(IReadOnlyList<string> map, double stepReward, double goalReward, IReadOnlyList<int>? wind,
        int actions, bool gusty)
    {
        if (map.Count == 0 || map.Any(r => r.Length != map[0].Length || r.Length == 0))
            throw new ArgumentException("The rows of the map must have the same positive length.", nameof(map));
        if (actions is not (4 or 8 or 9)) throw new ArgumentException($"{actions} actions; allowed are 4, 8 and 9.", nameof(actions));
        var (rows, columns) = (map.Count, map[0].Length);
        if (wind is not null && wind.Count != columns)
            throw new ArgumentException($"{wind.Count} wind strengths for {columns} columns.", nameof(wind));
        var table = new TransitionTableBuilder(rows * columns, actions);
        for (var state = 0; state < rows * columns; state++)
        {
            var (row, column) = (state / columns, state % columns);
            if (map[row][column] == 'S') table.StartIn(state);
            for (var action = 0; action < actions; action++)
            {
                var strength = wind?[column] ?? 0;
                int[] strengths = gusty && strength > 0 ? [strength - 1, strength, strength + 1] : [strength];
                foreach (var push in strengths)
                {
                    var newRow = Math.Clamp(row + Moves[action].Row - push, 0, rows - 1);
                    var newColumn = Math.Clamp(column + Moves[action].Column, 0, columns - 1);
                    if (map[newRow][newColumn] == '#') (newRow, newColumn) = (row, column);
                    var goal = map[newRow][newColumn] == 'G';
                    table.Add(state, action, 1.0 / strengths.Length, (newRow * columns) + newColumn, goal ? goalReward : stepReward, goal);
                }
            }
        }
        return table.Build();
    }
}
