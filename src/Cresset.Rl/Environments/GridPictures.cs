namespace Cresset.Rl;

/// <summary>How a cell of a grid is drawn.</summary>
/// <param name="Color">Fill.</param>
/// <param name="Letter">A letter in the corner, or nothing.</param>
internal readonly record struct GridCell(Rgb Color, string Letter = "");

/// <summary>Pictures of grid worlds.</summary>
internal static class GridPictures
{
    public static readonly Rgb Floor = new(245, 245, 245);
    public static readonly Rgb Ice = new(219, 236, 247);
    public static readonly Rgb Water = new(60, 110, 170);
    public static readonly Rgb Wall = new(110, 110, 110);
    private static readonly Rgb Agent = new(200, 60, 60);
    private static readonly Rgb Line = new(150, 150, 150);
    private static readonly Rgb Ink = new(40, 40, 40);

    public static RgbImage Render(IGridWorld world, int state, Func<GridCellKind, GridCell>? look = null)
    {
        look ??= Look;
        var size = Math.Clamp(528 / Math.Max(world.Rows, world.Columns), 8, 64);
        var canvas = Draw(world.Rows, world.Columns, (r, c) => look(world.KindOf(r, c)), size);
        var (row, column) = world.CellOf(state);
        canvas.FillCircle((column + 0.5) * size, (row + 0.5) * size, size * 0.28, Agent);
        return canvas.Image;
    }

    public static Canvas Draw(int rows, int columns, Func<int, int, GridCell> cell, int size)
    {
        var canvas = new Canvas(new RgbImage((columns * size) + 1, (rows * size) + 1, new Rgb(255, 255, 255)));
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                var look = cell(row, column);
                canvas.FillRectangle(column * size, row * size, size, size, look.Color);
                canvas.FrameRectangle(column * size, row * size, size + 1, size + 1, Line);
                canvas.Text((column * size) + 5, (row * size) + 5, look.Letter, Ink);
            }
        }
        return canvas;
    }

    /// <summary>Lines of letters with the agent's cell in brackets.</summary>
    public static string Text(IGridWorld world, int state)
    {
        var (agentRow, agentColumn) = world.CellOf(state);
        var text = new System.Text.StringBuilder();
        for (var row = 0; row < world.Rows; row++)
        {
            for (var column = 0; column < world.Columns; column++)
            {
                var here = row == agentRow && column == agentColumn;
                var letter = world.KindOf(row, column) switch
                {
                    GridCellKind.Start => 'S',
                    GridCellKind.Goal => 'G',
                    GridCellKind.Forbidden => 'x',
                    GridCellKind.Trap => 'H',
                    GridCellKind.Wall => '#',
                    _ => '.',
                };
                text.Append(here ? '[' : ' ').Append(letter).Append(here ? ']' : ' ');
            }
            text.AppendLine();
        }
        return text.ToString();
    }

    public static GridCell Look(GridCellKind kind) => kind switch
    {
        GridCellKind.Start => new GridCell(new Rgb(250, 230, 160), "S"),
        GridCellKind.Goal => new GridCell(new Rgb(140, 200, 140), "G"),
        GridCellKind.Forbidden => new GridCell(new Rgb(240, 190, 120)),
        GridCellKind.Trap => new GridCell(new Rgb(120, 80, 60)),
        GridCellKind.Wall => new GridCell(Wall),
        _ => new GridCell(Floor),
    };
}
