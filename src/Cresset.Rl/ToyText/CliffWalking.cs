namespace Cresset.Rl;

/// <summary>
/// Walk along a cliff of 4 by 12 from the lower left to the lower right corner (Sutton and Barto, example 6.6): -1 a step, -100 and back to
/// the start for falling. Actions: 0 up, 1 right, 2 down, 3 left. The same table and draws as Gymnasium's <c>CliffWalking</c>; there is no
/// time limit.
/// </summary>
public sealed class CliffWalking : TableEnvironment, IGridWorld, IRenderable
{
    private const int Height = 4;
    private const int Width = 12;
    private const int StartState = 36;
    private static readonly (int Row, int Column)[] Moves = [(-1, 0), (0, 1), (1, 0), (0, -1)];

    /// <summary>Makes the environment.</summary>
    /// <param name="isSlippery">Move to either side of the intended direction with probability 1/3 each.</param>
    public CliffWalking(bool isSlippery = false)
        : base(BuildTable(isSlippery))
    {
    }

    /// <inheritdoc/>
    public int FramesPerSecond => 4;

    /// <inheritdoc/>
    public int Rows => Height;

    /// <inheritdoc/>
    public int Columns => Width;

    /// <inheritdoc/>
    public (int Row, int Column) CellOf(int state) => (state / Width, state % Width);

    /// <inheritdoc/>
    public (int Row, int Column) MoveOf(int action) => Moves[action];

    /// <inheritdoc/>
    public GridCellKind KindOf(int row, int column) => (row, column) switch
    {
        (3, 0) => GridCellKind.Start,
        (3, Width - 1) => GridCellKind.Goal,
        (3, _) => GridCellKind.Trap,
        _ => GridCellKind.Floor,
    };

    /// <inheritdoc/>
    public RgbImage Render() => GridPictures.Render(this, State);

    /// <inheritdoc/>
    public string RenderText() => GridPictures.Text(this, State);

    private static TransitionTable BuildTable(bool isSlippery)
    {
        var table = new TransitionTableBuilder(Height * Width, 4).StartIn(StartState);
        int[] turns = isSlippery ? [3, 0, 1] : [0];
        for (var state = 0; state < Height * Width; state++)
        {
            for (var action = 0; action < 4; action++)
            {
                foreach (var turn in turns)
                {
                    var (dr, dc) = Moves[(action + turn) % 4];
                    var row = Math.Clamp((state / Width) + dr, 0, Height - 1);
                    var column = Math.Clamp((state % Width) + dc, 0, Width - 1);
                    var probability = 1.0 / turns.Length;
                    if (row == 3 && column is > 0 and < 11) table.Add(state, action, probability, StartState, -100);
                    else table.Add(state, action, probability, (row * Width) + column, -1, row == 3 && column == 11);
                }
            }
        }
        return table.Build();
    }
}
