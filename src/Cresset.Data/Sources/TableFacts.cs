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

    /// <summary>Reads a table with the kinds of the training's columns.</summary>
    /// <exception cref="InvalidDataException">A column is missing or a cell does not fit.</exception>
    public CsvTable Read(string path)
    {
        var kinds = Columns.ToDictionary(c => c.Name, c => c.Levels is null ? ColumnKind.Number : ColumnKind.Class);
        var header = Columns.Any(c => !(c.Name.StartsWith('c') && int.TryParse(c.Name.AsSpan(1), out _))) ? CsvHeader.Present : Text.Header;
        return CsvTable.Read(path, Text with { Header = header }, kinds);
    }

    /// <summary>The input of a row, <see cref="Width"/> numbers.</summary>
    /// <exception cref="InvalidDataException">A value is missing that is not filled, or a class is one that training did not see.</exception>
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
        if (column.IsMissing(row) && !FillsMissing)
        {
            throw new DataMismatchException($"{table.Path}: row {row + 1} has no value in column '{Name}', and the model was trained "
                + $"without filling missing values (data.missing).");
        }
        if (Levels is null)
        {
            features[0] = column.IsMissing(row) ? 0 : (float)((column.Numbers![row] - Mean) / Deviation);
            return;
        }
        features.Clear();
        if (column.IsMissing(row)) return;
        var level = column.Levels[column.Codes![row]];
        for (var i = 0; i < Levels.Count; i++)
        {
            if (Levels[i] != level) continue;
            features[i] = 1;
            return;
        }
        throw new DataMismatchException($"{table.Path}: row {row + 1} has '{level}' in column '{Name}', which the training part does "
            + $"not hold ({string.Join(", ", Levels.Take(20))}{(Levels.Count > 20 ? " ..." : "")}).");
    }
}
