using System.Globalization;
using System.Text;
using CsvHelper;
using CsvHelper.Configuration;

namespace Cresset.Data;

/// <summary>The rows of a table as texts: encoding, separator, RFC 4180 quotes, equal numbers of cells.</summary>
internal sealed class CsvText
{
    private const string Candidates = ",;\t|";
    private readonly string _path;
    private readonly Encoding _encoding;

    public CsvText(string path, CsvOptions options)
    {
        if (!File.Exists(path)) throw new FileNotFoundException($"There is no file '{path}'.", path);
        _path = path;
        RefuseArchives(path);
        _encoding = options.Encoding switch
        {
            "latin1" => Encoding.Latin1,
            "utf-16" => new UnicodeEncoding(false, true, true),
            _ => new UTF8Encoding(false, true),
        };
        Separator = options.SeparatorCharacter ?? Detect();
    }

    // Spreadsheets are zip archives: their bytes make no sense as text, and what is wrong with them says nothing.
    private static void RefuseArchives(string path)
    {
        Span<byte> head = stackalloc byte[4];
        using var stream = File.OpenRead(path);
        var first = head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
        if (first.SequenceEqual("PK\u0003\u0004"u8))
            throw new InvalidDataException($"{path} is a zip archive, as spreadsheets (.xlsx, .ods) are; save the table as CSV.");
        if (first.Length >= 2 && first[0] == 0x1f && first[1] == 0x8b)
            throw new InvalidDataException($"{path} is compressed (gzip); unpack it first.");
    }

    /// <summary>Between two cells.</summary>
    public char Separator { get; }

    /// <summary>
    /// Rows with the number of the line on which each begins; blank lines are left out where the table has several columns.
    /// </summary>
    public IEnumerable<(int Line, string[] Cells)> Rows()
    {
        var expected = -1;
        var firstLine = 1;
        var blanks = new List<int>();
        foreach (var (line, cells) in Read(Separator))
        {
            var isBlank = cells.Length == 1 && cells[0].Length == 0;
            if (expected < 0)
            {
                if (isBlank) continue;
                (expected, firstLine) = (cells.Length, line);
            }
            else if (isBlank)
            {
                // In a table of one column an empty line is an empty cell, unless nothing follows it.
                if (expected == 1) blanks.Add(line);
                continue;
            }
            foreach (var blank in blanks) yield return (blank, [""]);
            blanks.Clear();
            if (cells.Length != expected)
            {
                throw new InvalidDataException($"{_path}, line {line}: {cells.Length} cells; line {firstLine} has {expected}. A cell "
                    + $"that contains '{Name(Separator)}' must stand in double quotes.");
            }
            yield return (line, cells);
        }
    }

    private IEnumerable<(int Line, string[] Cells)> Read(char separator)
    {
        string? bad = null;
        var configuration = new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            HasHeaderRecord = false,
            Delimiter = separator.ToString(),
            IgnoreBlankLines = false,
            TrimOptions = separator == ' ' ? TrimOptions.None : TrimOptions.Trim,
            BadDataFound = found => bad = found.Field,
        };
        using var reader = new StreamReader(_path, _encoding, detectEncodingFromByteOrderMarks: true);
        using var parser = new CsvParser(reader, configuration);
        var line = 1;
        while (true)
        {
            string[]? cells;
            try
            {
                if (!parser.Read()) yield break;
                cells = parser.Record ?? [];
            }
            catch (DecoderFallbackException e)
            {
                throw new InvalidDataException($"{_path}, after line {line}: bytes {Convert.ToHexStringLower(e.BytesUnknown ?? [])} "
                    + $"are not {_encoding.WebName}. Save the file as UTF-8, or say encoding: latin1.", e);
            }
            catch (CsvHelperException e)
            {
                throw new InvalidDataException($"{_path}, line {line}: {e.Message.Split('\n')[0]}", e);
            }
            if (bad is not null)
            {
                throw new InvalidDataException($"{_path}, line {line}: the quotes of '{Shorten(bad)}' do not close as RFC 4180 wants; "
                    + $"a quote inside a quoted cell is doubled (\"\").");
            }
            if (cells.Any(c => c.Contains('\0', StringComparison.Ordinal)))
            {
                throw new InvalidDataException($"{_path}, line {line}: holds a zero byte, so it is not a text table.");
            }
            yield return (line, cells);
            line = parser.RawRow + 1;
        }
    }

    // The separator that gives the same number of cells, two or more, on each of the first lines.
    private char Detect()
    {
        var fitting = new List<(char Separator, int Cells)>();
        foreach (var candidate in Candidates)
        {
            try
            {
                var counts = Read(candidate).Where(r => r.Cells is not [""]).Take(50).Select(r => r.Cells.Length).ToList();
                if (counts.Count > 0 && counts[0] > 1 && counts.All(c => c == counts[0])) fitting.Add((candidate, counts[0]));
            }
            catch (InvalidDataException)
            {
                // Quotes that close under one separator only rule the others out; if none fits, reading with a comma says what is wrong.
            }
        }
        if (fitting.Count > 1)
        {
            throw new DataMismatchException(
                $"{_path}: {string.Join(" and ", fitting.Select(f => $"'{Name(f.Separator)}' ({f.Cells} cells)"))} both cut every line "
                    + $"alike; say which is the separator (separator: semicolon, for example).");
        }
        return fitting.Count == 1 ? fitting[0].Separator : ',';
    }

    private static string Name(char separator) => separator == '\t' ? "tab" : separator.ToString();

    internal static string Shorten(string text)
    {
        var line = text.ReplaceLineEndings(" ");
        return line.Length <= 60 ? line : line[..57] + "...";
    }
}
