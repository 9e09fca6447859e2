using System.Globalization;
using System.Text.Json;
using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>How a row of a table becomes an input, and how a model's number becomes a value of the target column.</summary>
public sealed record TableFacts
{
    /// <summary>How the text is read.</summary>
    public required CsvOptions Text { get; init; }

    /// <summary>The columns that make the input, in order.</summary>
    public required IReadOnlyList<TableColumn> Columns { get; init; }

    /// <summary>The column that is learned; empty for none.</summary>
    public string Target { get; init; } = "";

    /// <summary>Mean of the target over the training part; what is learned is (value - mean) / deviation.</summary>
    public double TargetMean { get; init; }

    /// <summary>Deviation of the target over the training part.</summary>
    public double TargetDeviation { get; init; } = 1;

    /// <summary>Length of the input.</summary>
    public int Width => Columns.Sum(c => c.Width);

    /// <summary>Name of each feature: the column's, or column=class.</summary>
    public IReadOnlyList<string> Features
        => [.. Columns.SelectMany(c => c.Levels is { } levels ? levels.Select(l => $"{c.Name}={l}") : (IEnumerable<string>)[c.Name])];

    /// <summary>Which column becomes something else than with the earlier facts, as a sentence; null where none does.</summary>
    internal string? DifferenceFrom(TableFacts earlier)
    {
        if (!Features.SequenceEqual(earlier.Features))
        {
            var (now, before) = (Features.Except(earlier.Features).ToList(), earlier.Features.Except(Features).ToList());
            return now.Count + before.Count == 0 ? "its columns stand in another order than when the run began"
                : $"its inputs have {(now.Count > 0 ? $"{string.Join(", ", now.Take(10))} in addition" : "")}"
                    + $"{(now.Count > 0 && before.Count > 0 ? " and " : "")}"
                    + $"{(before.Count > 0 ? $"{string.Join(", ", before.Take(10))} no longer" : "")}, beside those when the run began";
        }
        foreach (var (column, before) in Columns.Zip(earlier.Columns))
        {
            if (column.Mean != before.Mean || column.Deviation != before.Deviation)
            {
                return string.Create(CultureInfo.InvariantCulture, $"column '{column.Name}' had mean {before.Mean:g6} and deviation "
                    + $"{before.Deviation:g6} in the training part when the run began, {column.Mean:g6} and {column.Deviation:g6} now");
            }
        }
        return TargetMean != earlier.TargetMean || TargetDeviation != earlier.TargetDeviation
            ? string.Create(CultureInfo.InvariantCulture, $"the target '{Target}' had mean {earlier.TargetMean:g6} and deviation "
                + $"{earlier.TargetDeviation:g6} in the training part when the run began, {TargetMean:g6} and {TargetDeviation:g6} now")
            : null;
    }

    /// <summary>Reads a table with the kinds of the training's columns.</summary>
    /// <exception cref="InvalidDataException">A column is missing or a cell does not fit.</exception>
    public CsvTable Read(string path)
    {
        var kinds = Columns.ToDictionary(c => c.Name, c => c.Levels is null ? ColumnKind.Number : ColumnKind.Class);
        var header = Columns.Any(c => !(c.Name.StartsWith('c') && int.TryParse(c.Name.AsSpan(1), out _))) ? CsvHeader.Present : Text.Header;
        try
        {
            return CsvTable.Read(path, Text with { Header = header }, kinds);
        }
        catch (ArgumentException e) when (!string.IsNullOrWhiteSpace(path))
        {
            throw new DataMismatchException(e.Message, e);
        }
    }

    /// <summary>The input of a row, <see cref="Width"/> numbers.</summary>
    /// <exception cref="InvalidDataException">A value is missing that is not filled, or a class is one that training did not
    /// see.</exception>
    public void Fill(CsvTable table, int row, Span<float> features)
    {
        ArgumentNullException.ThrowIfNull(table);
        var at = 0;
        foreach (var column in Columns)
        {
            column.Write(table, row, features.Slice(at, column.Width));
            at += column.Width;
        }
    }

    /// <summary>The input of one row, <see cref="Width"/> numbers.</summary>
    /// <param name="cells">
    /// A value by the name of each column: a number, a text as it would stand in the table, or JSON; null for none. Other names are passed
    /// over, as other columns of a file are.
    /// </param>
    /// <param name="name">What errors call the row.</param>
    /// <exception cref="InvalidDataException">A column is missing, a number is none, a value is missing that is not filled, or a class is
    /// one that training did not see.</exception>
    public float[] Row(IReadOnlyDictionary<string, object?> cells, string name)
    {
        ArgumentNullException.ThrowIfNull(cells);
        var features = new float[Width];
        var at = 0;
        foreach (var column in Columns)
        {
            if (!cells.TryGetValue(column.Name, out var value))
            {
                var others = cells.Keys.Where(key => Columns.All(c => c.Name != key)).ToList();
                throw new InvalidDataException(
                    $"{name} has no value '{column.Name}'.{NearestName.Suggest(column.Name, others)} The model takes "
                        + $"{string.Join(", ", Columns.Select(c => c.Name).Take(50))}; null stands for a missing one.");
            }
            column.Write(value, Text, name, features.AsSpan(at, column.Width));
            at += column.Width;
        }
        return features;
    }
}

/// <summary>A column of the input.</summary>
public sealed record TableColumn
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Mean over the training part, for numbers.</summary>
    public double Mean { get; init; }

    /// <summary>Deviation over the training part, for numbers; the input is (value - mean) / deviation.</summary>
    public double Deviation { get; init; } = 1;

    /// <summary>Names of its classes, one feature each; null for numbers.</summary>
    public IReadOnlyList<string>? Levels { get; init; }

    /// <summary>
    /// True when a missing number counts as the mean and a missing class as none of the classes; otherwise it is refused.
    /// </summary>
    public bool FillsMissing { get; init; }

    internal int Width => Levels?.Count ?? 1;

    internal void Write(CsvTable table, int row, Span<float> features)
    {
        var column = table[Name];
        var isMissing = column.IsMissing(row);
        string Place() => $"{table.Path}: row {row + 1}";
        if (Levels is null) Number(isMissing ? null : column.Numbers![row], features, Place);
        else Class(isMissing ? null : column.Levels[column.Codes![row]], features, Place);
    }

    internal void Write(object? value, CsvOptions text, string name, Span<float> features)
    {
        string Place() => name;
        value = value switch
        {
            JsonElement { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => null,
            JsonElement { ValueKind: JsonValueKind.String } json => json.GetString(),
            JsonElement { ValueKind: JsonValueKind.Number } json => Levels is null ? json.GetDouble() : json.GetRawText(),
            JsonElement json => json.GetRawText(),
            _ => value,
        };
        if (value is string cell && text.IsMissing(cell.Trim())) value = null;
        if (Levels is not null)
        {
            Class(value is null ? null : Convert.ToString(value, CultureInfo.InvariantCulture)!.Trim(), features, Place);
            return;
        }
        double? number = value switch
        {
            null => null,
            string written => CsvTable.TryNumber(written.Trim(), text.Decimal, out var parsed) ? parsed : throw NoNumber(written),
            sbyte or byte or short or ushort or int or uint or long or ulong or float or double or decimal or Half =>
                Convert.ToDouble(value, CultureInfo.InvariantCulture),
            _ => throw NoNumber(value.ToString() ?? ""),
        };
        if (number is { } finite && !double.IsFinite(finite))
            throw new InvalidDataException($"{name}: '{Name}' is {finite.ToString(CultureInfo.InvariantCulture)}, not a finite number.");
        Number(number, features, Place);

        InvalidDataException NoNumber(string written) => new($"{name}: '{Name}' is '{CsvText.Shorten(written)}', which is not a number.");
    }

    private void Number(double? value, Span<float> features, Func<string> place)
    {
        if (value is null && !FillsMissing) throw Missing(place());
        features[0] = value is { } number ? (float)((number - Mean) / Deviation) : 0;
    }

    private void Class(string? level, Span<float> features, Func<string> place)
    {
        features.Clear();
        if (level is null)
        {
            if (!FillsMissing) throw Missing(place());
            return;
        }
        for (var i = 0; i < Levels!.Count; i++)
        {
            if (Levels[i] != level) continue;
            features[i] = 1;
            return;
        }
        throw new DataMismatchException($"{place()} has '{level}' in column '{Name}', which the training part does "
            + $"not hold ({string.Join(", ", Levels.Take(20))}{(Levels.Count > 20 ? " ..." : "")}).");
    }

    private DataMismatchException Missing(string place) => new($"{place} has no value in column '{Name}', and the model was trained "
        + $"without filling missing values (data.missing).");
}
