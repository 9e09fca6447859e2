using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace Cresset.Data;

/// <summary>What one pass over a table tells: whether it has a header, what the columns are called, and what each holds.</summary>
internal sealed partial record CsvSurvey(bool HasHeader, IReadOnlyList<string> Names, IReadOnlyList<ColumnKind> Kinds, int Rows,
    IReadOnlyList<string> Notes)
{
    public static CsvSurvey Of(string path, CsvText text, CsvOptions options, IReadOnlyDictionary<string, ColumnKind> kinds)
    {
        string[]? first = null;
        Tally[]? tallies = null;
        int firstLine = 0, rows = 0;
        foreach (var (line, cells) in text.Rows())
        {
            if (first is null)
            {
                (first, firstLine) = (cells, line);
                tallies = [.. cells.Select(_ => new Tally())];
                continue;
            }
            rows++;
            for (var i = 0; i < cells.Length; i++) tallies![i].Add(cells[i], line, options, repeats: cells[i] == first[i]);
        }
        if (first is null || tallies is null) throw new DataMismatchException($"{path} holds no rows.");
        var notes = new List<string>();
        var hasHeader = options.Header switch
        {
            CsvHeader.Present => true,
            CsvHeader.Absent => false,
            _ => Guess(path, first, firstLine, tallies, rows, options, kinds.Keys, notes),
        };
        if (!hasHeader)
        {
            rows++;
            for (var i = 0; i < first.Length; i++) tallies[i].Add(first[i], firstLine, options, repeats: false);
        }
        if (rows == 0) throw new DataMismatchException($"{path} holds a header and no rows.");
        var names = hasHeader ? Named(path, first, notes) : [.. first.Select((_, i) => $"c{i}")];
        ColumnKind[] columns = [.. names.Select((name, i) => tallies[i].Kind(path, name, kinds.GetValueOrDefault(name), options))];
        for (var i = 0; i < columns.Length; i++)
        {
            if (columns[i] != ColumnKind.Number || tallies[i].Rounded == 0) continue;
            notes.Add($"{path}, line {tallies[i].Rounded}, column '{names[i]}': {CsvText.Shorten(tallies[i].RoundedCell)} has more digits "
                + $"than a number keeps here and was rounded; if it names something, put the column among the classes or leave it out.");
        }
        return new CsvSurvey(hasHeader, names, columns, rows, notes);
    }

    // A header is text over numbers. A row of numbers and missing values is a row; what could be either is refused.
    private static bool Guess(string path, string[] first, int line, Tally[] tallies, int rows, CsvOptions options,
        IEnumerable<string> wanted, List<string> notes)
    {
        var isName = first.Select(c => !options.IsMissing(c) && !CsvTable.TryNumber(c, options.Decimal, out _)).ToArray();
        if (wanted.Any() && wanted.All(w => first.Contains(w))) return true;
        if (!isName.Any(n => n))
        {
            notes.Add($"{path}: line {line} holds numbers, so it is taken for a row and the columns are called c0 to "
                + $"c{first.Length - 1} (header: present would say otherwise).");
            return false;
        }
        // One line of texts alone is a header, and the table is empty.
        if (rows == 0 && isName.All(n => n)) return true;
        var areDistinct = first.Distinct().Count() == first.Length;
        var overNumbers = Enumerable.Range(0, first.Length).Any(i => isName[i] && tallies[i] is { Numbers: > 0, Others: 0 });
        var allNames = first.Select((c, i) => isName[i] || (i == 0 && c.Length == 0)).All(n => n);
        if (allNames && areDistinct && overNumbers) return true;
        if (rows > 0 && !areDistinct || tallies.Where((t, i) => isName[i]).Any(t => t.Repeats > 0))
        {
            // A name that stands again below it, or twice beside itself, is a value.
            if (!overNumbers)
            {
                notes.Add($"{path}: the texts of line {line} stand again further down, so it is taken for a row and the columns are "
                    + $"called c0 to c{first.Length - 1} (header: present would say otherwise).");
                return false;
            }
        }
        throw new DataMismatchException($"{path}, line {line}: \"{CsvText.Shorten(string.Join(", ", first))}\" may be names of columns "
            + $"or a row. Say header: present or header: absent.");
    }

    private static string[] Named(string path, string[] first, List<string> notes)
    {
        var names = first.Select((name, i) => name.Length > 0 ? name : $"column {i + 1}").ToArray();
        foreach (var i in Enumerable.Range(0, first.Length).Where(i => first[i].Length == 0)) notes.Add($"{path}: column {i + 1} has "
            + $"no name; it is called '{names[i]}'.");
        return names.GroupBy(n => n).FirstOrDefault(g => g.Count() > 1) is { } twice
            ? throw new DataMismatchException($"{path}: the column name '{twice.Key}' stands {twice.Count()} times in the header; give "
                + $"every column its own name.")
            : names;
    }

    private sealed partial class Tally
    {
        private (string Cell, int Line) _firstOther;
        private (string Cell, int Line) _firstNumber;
        private bool _otherNotation = true;

        private const double LargestWhole = 9_007_199_254_740_992;

        public int Numbers { get; private set; }

        public int Others { get; private set; }

        public int Repeats { get; private set; }

        /// <summary>The first line with a whole number of more digits than a double has; 0 for none.</summary>
        public int Rounded { get; private set; }

        public string RoundedCell { get; private set; } = "";

        public void Add(string cell, int line, CsvOptions options, bool repeats)
        {
            if (repeats) Repeats++;
            if (options.IsMissing(cell)) return;
            if (CsvTable.TryNumber(cell, options.Decimal, out var number))
            {
                if (Numbers++ == 0) _firstNumber = (cell, line);
                if (Math.Abs(number) >= LargestWhole && Rounded == 0 && IsRounded(cell, number)) (Rounded, RoundedCell) = (line, cell);
                return;
            }
            if (Others++ == 0) _firstOther = (cell, line);
            _otherNotation &= OtherNotation().IsMatch(cell);
        }

        private static bool IsRounded(string cell, double number) => double.IsFinite(number)
            && BigInteger.TryParse(cell, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
            && whole != new BigInteger(number);

        public ColumnKind Kind(string path, string name, ColumnKind wanted, CsvOptions options)
        {
            if (wanted != ColumnKind.Auto) return wanted;
            if (Others == 0) return ColumnKind.Number;
            var where = $"{path}, line {_firstOther.Line}, column '{name}'";
            if (_otherNotation)
            {
                throw new DataMismatchException($"{where}: '{_firstOther.Cell}' is a number in another notation. Say decimal: "
                    + $"{(options.Decimal == DecimalMark.Point ? "comma" : "point")} if that is its decimal mark, or write plain "
                    + $"numbers, without group separators, special blanks, currency and percent signs.");
            }
            if (Numbers == 0) return ColumnKind.Class;
            throw new DataMismatchException($"{where}: '{CsvText.Shorten(_firstOther.Cell)}' is not a number, while line "
                + $"{_firstNumber.Line} has {_firstNumber.Cell}. Correct the cell, add it to the markers of missing values (markers), "
                + $"or name the column among the classes.");
        }

        // Also with the blanks, minus signs and digits of other scripts, a currency before it or a percent sign after it.
        [GeneratedRegex(
            @"^\s*[$€£¥]?\s*[+\-\u2212]?(\d{1,3}([.,'\u2019\s]\d{3})*([.,]\d+)?|\d+([.,]\d+)?)([eE][+-]?\d+)?\s*[%€]?\s*$")]
        private static partial Regex OtherNotation();
    }
}
