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
    public static readonly Rgb Forbidden = new(240, 190, 120);
    public static readonly Rgb Wall = new(110, 110, 110);
    public static readonly Rgb Goal = new(140, 200, 140);
    public static readonly Rgb Start = new(250, 230, 160);
    public static readonly Rgb Cliff = new(120, 80, 60);
    public static readonly Rgb Agent = new(200, 60, 60);
    private static readonly Rgb Line = new(150, 150, 150);
    private static readonly Rgb Ink = new(40, 40, 40);

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

    public static void DrawAgent(this Canvas canvas, int row, int column, int size)
        => canvas.FillCircle((column + 0.5) * size, (row + 0.5) * size, size * 0.28, Agent);

    /// <summary>Lines of letters with the agent's cell in brackets.</summary>
    public static string Text(int rows, int columns, Func<int, int, char> letter, int agentRow, int agentColumn)
    {
        var text = new System.Text.StringBuilder();
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                var here = row == agentRow && column == agentColumn;
                text.Append(here ? '[' : ' ').Append(letter(row, column)).Append(here ? ']' : ' ');
            }
            text.AppendLine();
        }
        return text.ToString();
    }
}
