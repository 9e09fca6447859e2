using System.Text.Json;
using Spectre.Console;

namespace Cresset.Cli.Terminal;

/// <summary>What a command prints: tables and lines for people, JSON for machines.</summary>
internal static class Output
{
    private const int Columns = 100;

    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DictionaryKeyPolicy = null,
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new System.Text.Json.Serialization.JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>Refuses a file whose name says that it is not a PNG.</summary>
    /// <exception cref="ArgumentException">It has another ending, or none.</exception>
    public static void RequirePng(string option, string path)
    {
        if (!Path.GetExtension(path).Equals(".png", StringComparison.OrdinalIgnoreCase) && Numerics.SpecialFile.KindOf(path) is null)
            throw new ArgumentException($"{option} is '{path}'; pictures are written as PNG: end its name in .png.");
    }

    public static void Json(object value) => Console.Out.WriteLine(JsonSerializer.Serialize(value, Indented));

    public static void Table(IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        List<string[]> lines = [[.. columns], .. rows.Select(row => row.Select(Plain).ToArray())];
        var widths = columns.Select((_, c) => lines.Max(line => c < line.Length ? line[c].Length : 0)).ToArray();
        // Without a terminal there is no width to fit into: a table must not break its rows.
        var room = Console.IsOutputRedirected ? int.MaxValue : Console.WindowWidth;
        if (lines.TrueForAll(line => line.Length <= widths.Length && Array.TrueForAll(line, IsPlainAscii))
            && widths.Sum(w => w + 3L) + 1 <= room) WriteTable(lines, widths);
        else WriteStyledTable(columns, lines);
    }

    // What a table of letters is made of. Starting a library for terminals takes longer than most verbs that print one.
    private static void WriteTable(List<string[]> lines, int[] widths)
    {
        var text = new System.Text.StringBuilder();
        var all = widths.Sum(w => w + 3) + 1;
        text.AppendLine();
        for (var l = 0; l < lines.Count; l++)
        {
            var cells = widths.Select((width, c) => (c < lines[l].Length ? lines[l][c] : "").PadRight(width + 2));
            // No blanks at the end of a line: what is copied out of a terminal, or compared by a program, has none.
            text.AppendLine(("  " + string.Join(' ', cells)).TrimEnd());
            if (l == 0) text.Append('\u2500', all).AppendLine();
        }
        text.AppendLine();
        Console.Out.Write(text);
    }

    private static bool IsPlainAscii(string text) => text.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0;

    private static void WriteStyledTable(IReadOnlyList<string> columns, List<string[]> lines)
    {
        var table = new Table { Border = TableBorder.Simple, ShowHeaders = true };
        foreach (var column in columns) table.AddColumn(new TableColumn(Markup.Escape(column)).NoWrap());
        foreach (var line in lines.Skip(1))
            table.AddRow(line.Select(cell => (Spectre.Console.Rendering.IRenderable)new Text(cell)).ToArray());
        if (Console.IsOutputRedirected) AnsiConsole.Profile.Width = 500;
        AnsiConsole.Write(table);
    }

    /// <summary>A text of somebody else's (a note, a message, a path) without characters that a terminal obeys.</summary>
    public static string Plain(string text) => text.Any(IsObeyed) ? string.Concat(text.Select(c => IsObeyed(c) ? '\uFFFD' : c)) : text;

    private static bool IsObeyed(char c) => char.IsControl(c) && c is not ('\n' or '\t');

    /// <summary>Names with what they are, within 100 columns.</summary>
    public static void Entries(IEnumerable<(string Name, string Text)> entries, string indent = "  ")
    {
        var all = entries.ToList();
        var width = Math.Min(30, all.Select(e => e.Name.Length).DefaultIfEmpty(0).Max());
        foreach (var (name, text) in all)
        {
            var lines = Wrap(text, Columns - indent.Length - width - 2).ToList();
            // A name wider than its column stands on a line of its own.
            if (name.Length > width) Console.Out.WriteLine(indent + name);
            for (var i = 0; i < Math.Max(1, lines.Count); i++)
            {
                if (i == 0 && name.Length > width && lines.Count == 0) break;
                var left = i == 0 && name.Length <= width ? name : "";
                Console.Out.WriteLine($"{indent}{left.PadRight(width)}  {(i < lines.Count ? lines[i] : "")}".TrimEnd());
            }
        }
    }

    /// <summary>A text within 100 columns.</summary>
    public static void Paragraph(string text, string indent = "")
    {
        foreach (var line in Wrap(text, Columns - indent.Length)) Console.Out.WriteLine(indent + line);
    }

    private static IEnumerable<string> Wrap(string text, int width)
    {
        var line = new System.Text.StringBuilder();
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                yield return line.ToString();
                line.Clear();
            }
            if (line.Length > 0) line.Append(' ');
            line.Append(word);
        }
        if (line.Length > 0) yield return line.ToString();
    }

    public static string Number(double value) => value switch
    {
        _ when double.IsNaN(value) => "NaN",
        0 => "0",
        _ when Math.Abs(value) is >= 1e-3 and < 1e6 => value.ToString("0.####", System.Globalization.CultureInfo.InvariantCulture),
        _ => value.ToString("0.###e+0", System.Globalization.CultureInfo.InvariantCulture),
    };

    public static string Duration(TimeSpan time) => time switch
    {
        _ when time == TimeSpan.MaxValue || time.TotalDays > 365 => "?",
        { TotalDays: >= 1 } => $"{(int)time.TotalDays}d {time.Hours}h",
        { TotalHours: >= 1 } => $"{(int)time.TotalHours}h {time.Minutes:00}m",
        { TotalMinutes: >= 1 } => $"{time.Minutes}m {time.Seconds:00}s",
        { TotalSeconds: >= 10 } => $"{time.TotalSeconds:0}s",
        _ => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0}s"),
    };
}
