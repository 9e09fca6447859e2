using System.Globalization;
using System.Text;

namespace Cresset.Detection;

/// <summary>Rows of comma-separated values (RFC 4180): cells in quotation marks may hold commas, marks and line breaks.</summary>
internal static class CsvTable
{
    /// <summary>The rows that are not empty; null cells where a quotation mark is never closed.</summary>
    public static IEnumerable<(List<string>? Cells, string Record)> Read(string path)
    {
        using var reader = new StreamReader(path);
        var number = 0;
        while (reader.ReadLine() is { } line)
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            var record = string.Create(CultureInfo.InvariantCulture, $"line {number}");
            var cells = Split(line);
            // A cell with a line break goes on in the next line; a mark that is forgotten must not swallow the whole file.
            for (var more = 0; cells is null && more < 20 && reader.ReadLine() is { } next; more++)
            {
                number++;
                line += "\n" + next;
                cells = Split(line);
            }
            yield return (cells, record);
        }
    }

    private static List<string>? Split(string line)
    {
        var cells = new List<string>();
        var cell = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (c == '"' && quoted && i + 1 < line.Length && line[i + 1] == '"')
            {
                cell.Append('"');
                i++;
            }
            else if (c == '"')
            {
                quoted = !quoted;
            }
            else if (c == ',' && !quoted)
            {
                cells.Add(cell.ToString());
                cell.Clear();
            }
            else
            {
                cell.Append(c);
            }
        }
        cells.Add(cell.ToString());
        return quoted ? null : cells;
    }
}
