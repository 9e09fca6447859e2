namespace Cresset.Plots;

/// <summary>Lines of equal value by marching squares, joined to long lines.</summary>
internal static class ContourLevels
{
    /// <summary>Levels between which equally many grid points lie: steep valleys and flat plains both get lines.</summary>
    public static double[] EqualShares(double[,] table, int count)
    {
        var sorted = table.Cast<double>().Where(double.IsFinite).Order().ToArray();
        if (sorted.Length == 0) return [];
        return [.. Enumerable.Range(1, count)
            .Select(i => sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * (double)i / (count + 1)))]).Distinct()];
    }

    public static List<List<(double X, double Y)>> Trace(double[,] table, PlotArea area, double level)
    {
        var (rows, columns) = (table.GetLength(0), table.GetLength(1));
        // An edge of the grid is named by its lower left corner and direction; a line crosses an edge at one point.
        var links = new Dictionary<int, List<int>>();
        for (var r = 0; r + 1 < rows; r++)
        {
            for (var c = 0; c + 1 < columns; c++) Cell(table, level, r, c, columns, links);
        }
        List<List<(double, double)>> lines = [];
        // Open lines begin at ends; what is left then are rings.
        foreach (var start in links.Keys.OrderBy(edge => links[edge].Count).ToList())
        {
            while (links[start].Count > 0) lines.Add(Follow(table, area, level, columns, links, start));
        }
        return lines;
    }

    private static List<(double X, double Y)> Follow(double[,] table, PlotArea area, double level, int columns,
        Dictionary<int, List<int>> links, int edge)
    {
        List<(double, double)> line = [Point(table, area, level, columns, edge)];
        while (links[edge].Count > 0)
        {
            var next = links[edge][^1];
            links[edge].RemoveAt(links[edge].Count - 1);
            links[next].Remove(edge);
            edge = next;
            line.Add(Point(table, area, level, columns, edge));
        }
        return line;
    }

    private static void Cell(double[,] table, double level, int r, int c, int columns, Dictionary<int, List<int>> links)
    {
        double a = table[r, c], b = table[r, c + 1], d = table[r + 1, c], e = table[r + 1, c + 1];
        if (!double.IsFinite(a + b + d + e)) return;
        Span<int> crossed = stackalloc int[4];
        var count = 0;
        // In turn around the cell: bottom, right, top, left.
        if (a > level != b > level) crossed[count++] = Horizontal(r, c);
        if (b > level != e > level) crossed[count++] = Vertical(r, c + 1);
        if (d > level != e > level) crossed[count++] = Horizontal(r + 1, c);
        if (a > level != d > level) crossed[count++] = Vertical(r, c);
        if (count == 2)
        {
            Join(crossed[0], crossed[1]);
        }
        else if (count == 4)
        {
            // A saddle: the mean of the corners tells which pairs belong together.
            var high = (a + b + d + e) / 4 > level;
            var shift = high == a > level ? 0 : 3;
            Join(crossed[shift % 4], crossed[(shift + 1) % 4]);
            Join(crossed[(shift + 2) % 4], crossed[(shift + 3) % 4]);
        }

        int Horizontal(int row, int column) => 2 * ((row * columns) + column);
        int Vertical(int row, int column) => (2 * ((row * columns) + column)) + 1;

        void Join(int from, int to)
        {
            Add(from, to);
            Add(to, from);
        }

        void Add(int from, int to)
        {
            if (!links.TryGetValue(from, out var list)) links[from] = list = [];
            list.Add(to);
        }
    }

    private static (double X, double Y) Point(double[,] table, PlotArea area, double level, int columns, int edge)
    {
        var (r, c) = (edge / 2 / columns, edge / 2 % columns);
        var vertical = edge % 2 == 1;
        var (from, to) = (table[r, c], vertical ? table[r + 1, c] : table[r, c + 1]);
        var t = Math.Clamp((level - from) / (to - from), 0, 1);
        var x = area.XMin + ((area.XMax - area.XMin) * (c + (vertical ? 0 : t)) / (columns - 1));
        var y = area.YMin + ((area.YMax - area.YMin) * (r + (vertical ? t : 0)) / (table.GetLength(0) - 1));
        return (x, y);
    }
}
