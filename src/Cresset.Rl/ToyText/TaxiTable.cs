namespace Cresset.Rl;

/// <summary>The city of the taxi: walls, places, transitions, pictures.</summary>
internal static class TaxiTable
{
    private const int Side = 5;
    private static readonly (int Row, int Column)[] Places = [(0, 0), (0, 4), (4, 0), (4, 3)];
    private static readonly Rgb[] PlaceColors = [new(235, 120, 120), new(140, 205, 140), new(240, 225, 120), new(130, 160, 235)];

    // Forward, left and right of the headings south, north, east, west.
    private static readonly (int Row, int Column)[][] Headings =
    [
        [(1, 0), (0, 1), (0, -1)],
        [(-1, 0), (0, -1), (0, 1)],
        [(0, 1), (-1, 0), (1, 0)],
        [(0, -1), (1, 0), (-1, 0)],
    ];

    public static TransitionTable Build(TaxiOptions options)
    {
        var table = new TransitionTableBuilder(500, 6);
        var starts = new List<int>();
        for (var state = 0; state < 500; state++)
        {
            var (row, column, passenger, destination) = Taxi.Decode(state);
            if (passenger < 4 && passenger != destination) starts.Add(state);
            for (var action = 0; action < 4; action++) AddMove(table, state, action, options);
            if (passenger < 4 && (row, column) == Places[passenger]) table.Add(state, 4, 1, Taxi.Encode(row, column, 4, destination), -1);
            else table.Add(state, 4, 1, state, -10);
            var place = Array.IndexOf(Places, (row, column));
            if (passenger == 4 && place == destination)
                table.Add(state, 5, 1, Taxi.Encode(row, column, destination, destination), 20, true);
            else if (passenger == 4 && place >= 0) table.Add(state, 5, 1, Taxi.Encode(row, column, place, destination), -1);
            else table.Add(state, 5, 1, state, -10);
        }
        return table.StartUniformly(starts).Build();
    }

    public static void WriteMask(int state, Span<bool> mask)
    {
        var (row, column, passenger, _) = Taxi.Decode(state);
        for (var action = 0; action < 4; action++) mask[action] = CanMove(row, column, Headings[action][0]);
        mask[4] = passenger < 4 && (row, column) == Places[passenger];
        mask[5] = passenger == 4 && Array.IndexOf(Places, (row, column)) >= 0;
    }

    public static RgbImage Render(int state)
    {
        const int Size = 60;
        var (row, column, passenger, destination) = Taxi.Decode(state);
        var canvas = GridPictures.Draw(Side, Side,
            (r, c) => Array.IndexOf(Places, (r, c)) is var p and >= 0 ? new GridCell(PlaceColors[p], "RGYB"[p].ToString())
                : new GridCell(GridPictures.Floor), Size);
        for (var r = 0; r < Side; r++)
        {
            for (var c = 0; c < Side - 1; c++)
            {
                if (HasWall(r, c)) canvas.FillRectangle(((c + 1) * Size) - 2, r * Size, 5, Size, GridPictures.Wall);
            }
        }
        var (goalRow, goalColumn) = Places[destination];
        canvas.FrameRectangle((goalColumn * Size) + 3, (goalRow * Size) + 3, Size - 6, Size - 6, new Rgb(190, 50, 190), 4);
        canvas.FillRectangle((column * Size) + 12, (row * Size) + 20, Size - 24, Size - 40,
            passenger == 4 ? new Rgb(40, 140, 60) : new Rgb(230, 180, 40));
        if (passenger < 4)
            canvas.FillCircle((Places[passenger].Column + 0.5) * Size, (Places[passenger].Row + 0.72) * Size, 7, new Rgb(30, 60, 160));
        return canvas.Image;
    }

    public static string Text(int state, int lastAction)
    {
        var (row, column, passenger, destination) = Taxi.Decode(state);
        var text = new System.Text.StringBuilder().AppendLine("+---------+");
        for (var r = 0; r < Side; r++)
        {
            text.Append('|');
            for (var c = 0; c < Side; c++)
            {
                var place = Array.IndexOf(Places, (r, c));
                var here = r == row && c == column;
                text.Append(here ? passenger == 4 ? '@' : 'T' : place < 0 ? ' ' : "RGYB"[place]);
                text.Append(c == Side - 1 ? '|' : HasWall(r, c) ? '|' : ':');
            }
            text.AppendLine();
        }
        text.AppendLine("+---------+");
        text.Append(passenger == 4 ? "passenger in the taxi" : $"passenger at {"RGYB"[passenger]}").Append(", to ")
            .Append("RGYB"[destination]);
        if (lastAction >= 0)
            text.Append("  (").Append(((string[])["south", "north", "east", "west", "pick up", "drop"])[lastAction]).Append(')');
        return text.AppendLine().ToString();
    }

    private static void AddMove(TransitionTableBuilder table, int state, int action, TaxiOptions options)
    {
        var (row, column, passenger, destination) = Taxi.Decode(state);
        int At((int Row, int Column) move) =>
            CanMove(row, column, move) ? Taxi.Encode(row + move.Row, column + move.Column, passenger, destination) : state;
        var heading = Headings[action];
        if (!options.IsRainy)
        {
            table.Add(state, action, 1, At(heading[0]), -1);
            return;
        }
        // A blocked forward move drifts nowhere.
        var free = CanMove(row, column, heading[0]);
        var side = (1.0 - options.RainyProbability) / 2.0;
        table.Add(state, action, options.RainyProbability, At(heading[0]), -1);
        table.Add(state, action, side, free ? At(heading[1]) : state, -1);
        table.Add(state, action, side, free ? At(heading[2]) : state, -1);
    }

    private static bool CanMove(int row, int column, (int Row, int Column) move)
    {
        var (newRow, newColumn) = (row + move.Row, column + move.Column);
        if ((uint)newRow >= Side || (uint)newColumn >= Side) return false;
        return move.Column == 0 || !HasWall(row, Math.Min(column, newColumn));
    }

    // Walls stand on the east side of these cells.
    private static bool HasWall(int row, int column) => (row, column) is (0, 1) or (1, 1) or (3, 0) or (4, 0) or (3, 2) or (4, 2);
}
