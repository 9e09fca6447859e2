using System.Globalization;
using System.Text;

namespace Cresset.Detection;

/// <summary>
/// Rows of separated values (RFC 4180): cells in quotation marks may hold separators, marks and line breaks. Where the first line has no
/// comma, cells are separated by semicolons, as office programs of many countries write them, or by tabs.
/// </summary>
internal static class CsvTable
{
    /// <summary>The rows that are not empty; null cells where a quotation mark is never closed.</summary>
    public static IEnumerable<(List<string>? Cells, string Record)> Read(string path)
    {
        using var reader = new StreamReader(path);
        char? separator = null;
        var number = 0;
        while (reader.ReadLine() is { } line)
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            var record = string.Create(CultureInfo.InvariantCulture, $"line {number}");
            separator ??= SeparatorOf(line);
            var cells = Split(line, separator.Value);
            // A cell with a line break goes on in the next line; a mark that is forgotten must not swallow the whole file.
            for (var more = 0; cells is null && more < 20 && reader.ReadLine() is { } next; more++)
            {
                number++;
                line += "\n" + next;
                cells = Split(line, separator.Value);
            }
            yield return (cells, record);
        }
    }

    /// <summary>What separates the cells of a header.</summary>
    public static char SeparatorOf(string header)
    {
        if (header.Contains(',', StringComparison.Ordinal)) return ',';
        return header.Contains(';', StringComparison.Ordinal) ? ';' : header.Contains('\t', StringComparison.Ordinal) ? '\t' : ',';
    }

    private static List<string>? Split(string line, char separator)
    {
        var cells = new List<string>();
        var cell = new StringBuilder();
        var quoted = false;
        var hadQuotes = false;
        // "a.jpg, cat" means cat: blanks around a cell are not part of it, inside quotation marks they are.
        void End()
        {
            cells.Add(hadQuotes ? cell.ToString() : cell.ToString().Trim());
            cell.Clear();
            hadQuotes = false;
        }
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
                if (!quoted && !hadQuotes && string.IsNullOrWhiteSpace(cell.ToString())) cell.Clear();
                (quoted, hadQuotes) = (!quoted, true);
            }
            else if (c == separator && !quoted)
            {
                End();
            }
            else if (hadQuotes && !quoted && char.IsWhiteSpace(c))
            {
                // Between a closing mark and the separator.
            }
            else
            {
                cell.Append(c);
            }
        }
        End();
        return quoted ? null : cells;
    }
}
