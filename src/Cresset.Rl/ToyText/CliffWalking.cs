namespace Cresset.Rl;

/// <summary>
/// Walk along a cliff of 4 by 12 from the lower left to the lower right corner (Sutton and Barto, example 6.6): -1 a step, -100 and
/// back to the start for falling. Actions: 0 up, 1 right, 2 down, 3 left. The same table and draws as Gymnasium's
/// <c>CliffWalking</c>; there is no time limit.
/// </summary>
public sealed class CliffWalking : TableEnvironment, IRenderable
{
    private const int Rows = 4;
    private const int Columns = 12;
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
    public RgbImage Render()
    {
        const int Size = 44;
        var canvas = GridPictures.Draw(Rows, Columns, (r, c) => (r, c) switch
        {
            (3, 0) => new GridCell(GridPictures.Start, "S"),
            (3, 11) => new GridCell(GridPictures.Goal, "G"),
            (3, _) => new GridCell(GridPictures.Cliff),
            _ => new GridCell(GridPictures.Floor),
        }, Size);
        canvas.DrawAgent(State / Columns, State % Columns, Size);
        return canvas.Image;
    }

    /// <inheritdoc/>
    public string RenderText() => GridPictures.Text(Rows, Columns, (r, c) => (r, c) switch { (3, 0) => 'S', (3, 11) => 'T', (3, _) => 'C', _ => 'o' }, State / Columns, State % Columns);

    private static TransitionTable BuildTable(bool isSlippery)
    {
        var table = new TransitionTableBuilder(Rows * Columns, 4).StartIn(StartState);
        int[] turns = isSlippery ? [3, 0, 1] : [0];
        for (var state = 0; state < Rows * Columns; state++)
        {
            for (var action = 0; action < 4; action++)
            {
                foreach (var turn in turns)
                {
                    var (dr, dc) = Moves[(action + turn) % 4];
                    var row = Math.Clamp((state / Columns) + dr, 0, Rows - 1);
                    var column = Math.Clamp((state % Columns) + dc, 0, Columns - 1);
                    var probability = 1.0 / turns.Length;
                    if (row == 3 && column is > 0 and < 11) table.Add(state, action, probability, StartState, -100);
                    else table.Add(state, action, probability, (row * Columns) + column, -1, row == 3 && column == 11);
                }
            }
        }
        return table.Build();
    }
}
