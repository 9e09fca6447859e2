using System.Globalization;
using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>
/// A table from a text file: columns by name, of numbers, classes or texts. No cell changes on the way in without a word: what is neither a
/// number nor a marker of a missing value makes its column one of classes, or is refused with its line.
/// </summary>
public sealed class CsvTable
{
    private readonly Dictionary<string, CsvColumn> _byName;

    private CsvTable(string path, IReadOnlyList<CsvColumn> columns, int rows, IReadOnlyList<string> notes)
    {
        (Path, Columns, Rows, Notes) = (path, columns, rows, notes);
        _byName = columns.ToDictionary(c => c.Name);
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>All columns in the order of the file.</summary>
    public IReadOnlyList<CsvColumn> Columns { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>What was assumed or left out, a line each.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Separator, header, missing values.</param>
    /// <param name="kinds">Kinds of columns by name where the cells shall not decide.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">A line or cell does not fit, or it is not clear whether there is a header; file, line and
    /// column are named.</exception>
    /// <exception cref="ArgumentException">A column of <paramref name="kinds"/> does not exist; the nearest is named.</exception>
    public static CsvTable Read(string path, CsvOptions? options = null, IReadOnlyDictionary<string, ColumnKind>? kinds = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        options = (options ?? new CsvOptions()).ThrowIfInvalid();
        kinds ??= new Dictionary<string, ColumnKind>();
        var text = new CsvText(path, options);
        var survey = CsvSurvey.Of(path, text, options, kinds);
        foreach (var name in kinds.Keys)
        {
            if (!survey.Names.Contains(name)) throw NoColumn(path, name, survey.Names);
        }
        var columns = survey.Kinds.Select((kind, i) => new Builder(path, survey.Names[i], kind, options, survey.Rows)).ToArray();
        foreach (var (line, cells) in text.Rows().Skip(survey.HasHeader ? 1 : 0))
        {
            for (var i = 0; i < cells.Length; i++) columns[i].Add(cells[i], line);
        }
        return new CsvTable(path, [.. columns.Select(c => c.Finish())], survey.Rows, survey.Notes);
    }

    /// <summary>The column of this name.</summary>
    /// <exception cref="ArgumentException">There is no such column; the nearest is named.</exception>
    public CsvColumn this[string name]
        => _byName.TryGetValue(name, out var column) ? column : throw NoColumn(Path, name, [.. _byName.Keys]);

    /// <summary>Columns of numbers as [rows, names] float32; all of them when none is named. A missing value is NaN.</summary>
    /// <exception cref="ArgumentException">There is no such column, or it holds no numbers.</exception>
    /// <exception cref="InvalidDataException">A number is beyond float32.</exception>
    public Tensor ToTensor(params string[] names)
    {
        ArgumentNullException.ThrowIfNull(names);
        var picked = names.Length == 0 ? [.. Columns.Where(c => c.Kind == ColumnKind.Number)] : names.Select(n => this[n]).ToArray();
        if (picked.FirstOrDefault(c => c.Kind != ColumnKind.Number) is { } other)
        {
            throw new ArgumentException($"{Path}: column '{other.Name}' holds "
                + $"{(other.Kind == ColumnKind.Class ? "classes" : "texts")}, not numbers.", nameof(names));
        }
        var result = new float[Rows * picked.Length];
        for (var row = 0; row < Rows; row++)
        {
            for (var i = 0; i < picked.Length; i++)
            {
                var number = picked[i].Numbers![row];
                if (Math.Abs(number) > float.MaxValue)
                    throw new DataMismatchException(string.Create(CultureInfo.InvariantCulture,
                        $"{Path}: column '{picked[i].Name}' holds {number}; float32 ends at {float.MaxValue}. Change its unit."));
                result[(row * picked.Length) + i] = (float)number;
            }
        }
        return tensor(result, Rows, picked.Length);
    }

    internal static ArgumentException NoColumn(string path, string name, IReadOnlyList<string> names)
        => new($"{path} has no column '{name}'.{NearestName.Suggest(name, names)} Its columns: "
            + $"{string.Join(", ", names.Take(50))}{(names.Count > 50 ? " ..." : "")}.");

    /// <summary>A number in the file's notation; group separators, currency and hexadecimal are none.</summary>
    internal static bool TryNumber(string cell, DecimalMark mark, out double value)
    {
        value = 0;
        if (mark == DecimalMark.Comma)
        {
            if (cell.Contains('.', StringComparison.Ordinal)) return false;
            cell = cell.Replace(',', '.');
        }
        return double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
    }

    private sealed class Builder(string path, string name, ColumnKind kind, CsvOptions options, int rows)
    {
        private readonly double[]? _numbers = kind == ColumnKind.Number ? new double[rows] : null;
        private readonly int[]? _codes = kind == ColumnKind.Class ? new int[rows] : null;
        private readonly string[]? _texts = kind == ColumnKind.Text ? new string[rows] : null;
        private readonly Dictionary<string, int> _levels = [];
        private int _row;

        public void Add(string cell, int line)
        {
            if (_texts is not null) _texts[_row] = cell;
            else if (_codes is not null) _codes[_row] = Code(cell);
            else _numbers![_row] = Number(cell, line);
            _row++;
        }

        public CsvColumn Finish()
        {
            if (_texts is not null) return new CsvColumn(name, _texts);
            if (_numbers is not null) return new CsvColumn(name, _numbers);
            var areNumbers = _levels.Keys.All(l => TryNumber(l, options.Decimal, out _));
            double Value(string level) => TryNumber(level, options.Decimal, out var value) ? value : 0;
            string[] sorted = [.. _levels.Keys.OrderBy(l => areNumbers ? Value(l) : 0).ThenBy(l => l, StringComparer.Ordinal)];
            var place = sorted.Select((level, i) => (level, i)).ToDictionary(p => _levels[p.level], p => p.i);
            for (var i = 0; i < rows; i++) _codes![i] = _codes[i] < 0 ? -1 : place[_codes[i]];
            return new CsvColumn(name, _codes!, sorted);
        }

        private int Code(string cell)
        {
            if (options.IsMissing(cell)) return -1;
            if (!_levels.TryGetValue(cell, out var code)) _levels.Add(cell, code = _levels.Count);
            return code;
        }

        private double Number(string cell, int line)
        {
            if (options.IsMissing(cell)) return double.NaN;
            if (!TryNumber(cell, options.Decimal, out var value))
            {
                throw new DataMismatchException($"{path}, line {line}, column '{name}': '{CsvText.Shorten(cell)}' is not a number.");
            }
            return double.IsFinite(value) ? value : throw new DataMismatchException($"{path}, line {line}, column '{name}': '{cell}' "
                + $"is not a finite number.");
        }
    }
}
