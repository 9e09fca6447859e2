using System.Globalization;
using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>What is done with rows that lack a value.</summary>
public enum MissingValues
{
    /// <summary>They are refused, with their number and columns.</summary>
    Refuse,

    /// <summary>They are left out, which is said.</summary>
    DropRow,

    /// <summary>A number becomes the training part's mean, a class none of the classes; the target is never filled.</summary>
    Fill,
}

/// <summary>
/// A table from a CSV file. Numbers are standardised by mean and deviation of the training part; each class of a column of classes is a
/// feature of its own (1 or 0).
/// </summary>
[Part("csv")]
public sealed record CsvData : DataSource
{
    private const int MostFeatures = 10_000;

    /// <summary>The file.</summary>
    public string Path { get; init; } = "";

    /// <summary>The column that is learned from the others; empty for a density of all of them.</summary>
    public string Target { get; init; } = "";

    /// <summary>The columns to learn from; empty takes all but the target.</summary>
    public IReadOnlyList<string> Columns { get; init; } = [];

    /// <summary>Columns that are not looked at, such as numbers of rows.</summary>
    public IReadOnlyList<string> LeaveOut { get; init; } = [];

    /// <summary>Columns whose numbers are names of classes.</summary>
    public IReadOnlyList<string> Classes { get; init; } = [];

    /// <summary>What is done with rows that lack a value.</summary>
    public MissingValues Missing { get; init; } = MissingValues.Refuse;

    /// <summary>Subtract the training part's mean from numbers and divide them by its deviation.</summary>
    public bool Standardize { get; init; } = true;

    /// <summary>How the text is read.</summary>
    public CsvOptions Format { get; init; } = new();

    /// <summary>How the rows are divided.</summary>
    public SplitRule Split { get; init; } = new ShareSplit();

    /// <inheritdoc/>
    public override DataSplit Open(DataUse use)
    {
        ArgumentNullException.ThrowIfNull(use);
        this.ThrowIfInvalid();
        if (use.NeedsPictures || use.Target is TargetKind.Mask or TargetKind.Caption)
        {
            throw new DataMismatchException($"{Path} is a table; this task takes pictures (data: folder).");
        }
        if (use.Target != TargetKind.None && Target.Length == 0)
        {
            throw new DataMismatchException($"{Path}: name the column to learn: data.target=NAME.");
        }
        var notes = new List<string>();
        var table = Read(use);
        notes.AddRange(table.Notes);
        if (Target.Length > 0 && table.Columns.All(c => c.Name != Target))
        {
            throw new DataMismatchException(CsvTable.NoColumn(Path, Target, [.. table.Columns.Select(c => c.Name)]).Message + " "
                + "data.target must be one of them.");
        }
        var columns = Chosen(table, use, notes);
        var rows = Rows(table, columns, use, notes);
        var target = use.Target == TargetKind.None ? null : table[Target];
        if (use.Target == TargetKind.Class && target!.Levels.Count < 2)
        {
            throw new DataMismatchException($"{Path}: column '{Target}' has the one class '{target.Levels.FirstOrDefault()}'; there is "
                + $"nothing to tell apart.");
        }
        CheckClasses(use, target, rows);
        return Divide(table, columns, rows, target, use, notes);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .NotEmpty(Path, "Name the CSV file: data.path=FILE.")
        .Must(Columns is not null && LeaveOut is not null && Classes is not null, null, "lists of column names", field: nameof(Columns))
        .Must(Columns is null || LeaveOut is null || !Columns.Intersect(LeaveOut).Any(), Columns is null ? null : string.Join(", "
            + "", Columns), "columns that are not left out at the same time")
        .Must(Columns is null || Target.Length == 0 || !Columns.Contains(Target), Target, "another column than those to learn from")
        .Defined(Missing)
        .Nested(Format)
        .Nested(Split);

    private CsvTable Read(DataUse use)
    {
        var kinds = new Dictionary<string, ColumnKind>();
        foreach (var name in Columns) kinds[name] = ColumnKind.Auto;
        foreach (var name in LeaveOut) kinds[name] = ColumnKind.Text;
        foreach (var name in Classes) kinds[name] = ColumnKind.Class;
        if (Split is ColumnSplit byColumn) kinds[byColumn.Column] = ColumnKind.Text;
        if (Split is GroupSplit { Column.Length: > 0 } byGroup && !kinds.ContainsKey(byGroup.Column))
            kinds[byGroup.Column] = ColumnKind.Text;
        if (Target.Length > 0)
            kinds[Target] = use.Target switch
            {
                TargetKind.Class => ColumnKind.Class,
                TargetKind.Number => ColumnKind.Number,
                _ => ColumnKind.Text,
            };
        try
        {
            return CsvTable.Read(Path, Format, kinds);
        }
        catch (ArgumentException e) when (e is not (InvalidOptionsException or DataMismatchException))
        {
            throw new DataMismatchException(e.Message, e);
        }
    }

    private List<CsvColumn> Chosen(CsvTable table, DataUse use, List<string> notes)
    {
        var columns = new List<CsvColumn>();
        foreach (var column in Columns.Count > 0 ? Columns.Select(name => table[name]) : table.Columns)
        {
            if (column.Name == Target || LeaveOut.Contains(column.Name) || column.Kind == ColumnKind.Text) continue;
            if (column.Missing == table.Rows) notes.Add($"{Path}: column '{column.Name}' is empty and left out.");
            else if (column is { Kind: ColumnKind.Class, Levels.Count: 1, Missing: 0 }) notes.Add($"{Path}: column '{column.Name}' "
                + $"holds the one class '{column.Levels[0]}' and is left out.");
            else columns.Add(column);
        }
        if (columns.Count == 0) throw new DataMismatchException($"{Path}: no columns are left to learn from.");
        if (use.NumbersOnly && columns.FirstOrDefault(c => c.Kind == ColumnKind.Class) is { } named)
        {
            throw new DataMismatchException($"{Path}: column '{named.Name}' holds classes ({string.Join(", ", named.Levels.Take(3))} "
                + $"...); a density needs numbers. Leave it out: data.leave_out=[{named.Name}].");
        }
        foreach (var column in columns.Where(c => c.Kind == ColumnKind.Class && c.Levels.Count > 20 && c.Levels.Count > table.Rows / 2))
        {
            throw new DataMismatchException($"{Path}: column '{column.Name}' has {column.Levels.Count} classes in {table.Rows} rows, "
                + $"so it names rows rather than kinds. Leave it out: data.leave_out=[{column.Name}].");
        }
        var features = columns.Sum(c => c.Kind == ColumnKind.Class ? c.Levels.Count : 1);
        return features <= MostFeatures ? columns : throw new DataMismatchException($"{Path}: its columns make {features} features; at "
            + $"most {MostFeatures} are taken. Leave out columns with many classes.");
    }

    private int[] Rows(CsvTable table, List<CsvColumn> columns, DataUse use, List<string> notes)
    {
        List<CsvColumn> looked = [.. columns];
        if (use.Target != TargetKind.None) looked.Add(table[Target]);
        var gaps = looked.Where(c => c.Missing > 0).Select(c => $"{c.Missing} in '{c.Name}'").ToList();
        var all = Enumerable.Range(0, table.Rows).ToArray();
        if (gaps.Count == 0) return all;
        var what = $"{Path}: values are missing ({string.Join(", ", gaps.Take(10))}{(gaps.Count > 10 ? " ..." : "")})";
        switch (Missing)
        {
            case MissingValues.Refuse:
                throw new DataMismatchException($"{what}. Say what is done with them: data.missing=drop_row leaves the rows out, "
                    + $"data.missing=fill takes the mean.");
            case MissingValues.DropRow:
                int[] whole = [.. all.Where(row => !looked.Any(c => c.IsMissing(row)))];
                notes.Add($"{what}; {table.Rows - whole.Length} of {table.Rows} rows are left out.");
                return whole.Length > 0 ? whole : throw new DataMismatchException($"{what}, and every row lacks one.");
            default:
                if (use.Target != TargetKind.None && table[Target].Missing > 0)
                {
                    throw new DataMismatchException($"{Path}: {table[Target].Missing} rows have no '{Target}'; what is learned cannot "
                        + $"be filled. Use data.missing=drop_row.");
                }
                notes.Add($"{what}; numbers are filled with the training part's mean, classes with none.");
                return all;
        }
    }

    private void CheckClasses(DataUse use, CsvColumn? target, int[] rows)
    {
        if (use.Target != TargetKind.Class) return;
        var counts = rows.CountBy(row => target!.Codes![row]).ToDictionary();
        var single = target!.Levels.Where((_, i) => counts.GetValueOrDefault(i) == 1).ToList();
        if (single.Count > 0)
        {
            throw new DataMismatchException($"{Path}: class {string.Join(", ", single.Take(5).Select(c => $"'{c}'"))} of column "
                + $"'{Target}' has one row; at least 2 are needed, one to learn from and one to be tested "
                + $"on.{(target.Levels.Count > 20 ? " For numbers use a regression." : "")}");
        }
    }

    private DataSplit Divide(CsvTable table, List<CsvColumn> columns, int[] rows, CsvColumn? target, DataUse use, List<string> notes)
    {
        // Classes that only left-out rows had are not classes.
        List<string> classes = use.Target == TargetKind.Class
            ? [.. target!.Levels.Where((_, i) => rows.Any(row => target.Codes![row] == i))] : [];
        var labels = use.Target == TargetKind.Class ? rows.Select(row => classes.IndexOf(target!.Levels[target.Codes![row]])).ToArray()
            : null;
        var parts = Split.Divide(new SplitExamples
        {
            Name = Path,
            Names = [.. rows.Select(row => row.ToString(CultureInfo.InvariantCulture))],
            Labels = labels,
            Column = name => [.. rows.Select(row => Cell(table[name], row))],
        });
        DataSplit.CheckParts(Path, parts);
        if (labels is not null && classes.Where((_, c) => !parts.Train.Any(i => labels[i] == c)).ToList() is { Count: > 0 } unlearned)
        {
            throw new DataMismatchException($"{Path}: the training part holds no row of class "
                + $"{string.Join(", ", unlearned.Select(c => $"'{c}'"))}. Use another split.");
        }
        int[] train = [.. parts.Train.Select(i => rows[i])];
        if (use.Target == TargetKind.Number) CheckFits(target!);
        var (mean, deviation, _) = use.Target == TargetKind.Number ? Moments(target!, train) : (0, 1, false);
        var facts = new TableFacts
        {
            Text = Format,
            Columns = [.. columns.Select(c => Column(c, train, notes))],
            Target = use.Target == TargetKind.None ? "" : Target,
            TargetMean = mean,
            TargetDeviation = deviation,
        };
        TensorDataset? Part(int[] indices) =>
            indices.Length == 0 ? null : Dataset(table, facts, [.. indices.Select(i => rows[i])], target, classes, use);
        var all = new DataFacts { Name = Path, Shape = [facts.Width], Target = use.Target, Classes = classes, Table = facts };
        return new DataSplit(all, Part(parts.Train)!, Part(parts.Validation), Part(parts.Test),
            DataFingerprint.OfFiles([(System.IO.Path.GetFileName(Path), Path, "")]), notes,
            labels is null ? null : [.. parts.Train.Select(i => labels[i])]);
    }

    private TableColumn Column(CsvColumn column, int[] train, List<string> notes)
    {
        var fills = Missing == MissingValues.Fill;
        if (column.Kind == ColumnKind.Class) return new TableColumn { Name = column.Name, Levels = column.Levels, FillsMissing = fills };
        if (!Standardize)
        {
            CheckFits(column);
            return new TableColumn { Name = column.Name, Mean = 0, Deviation = 1, FillsMissing = fills };
        }
        var (mean, deviation, isConstant) = Moments(column, train);
        if (isConstant)
            notes.Add(
                $"{Path}: column '{column.Name}' is {mean.ToString(CultureInfo.InvariantCulture)} in every training row and tells "
                    + $"nothing.");
        return new TableColumn { Name = column.Name, Mean = mean, Deviation = deviation, FillsMissing = fills };
    }

    // Two passes: the difference of large squares would lose the deviation of, say, years. Around the first value and in units of the
    // range, so that equal values have no deviation at all and squares of large ones do not overflow.
    private (double Mean, double Deviation, bool IsConstant) Moments(CsvColumn column, int[] rows)
    {
        var values = rows.Where(row => !column.IsMissing(row)).Select(row => column.Numbers![row]).ToArray();
        if (values.Length == 0) return (0, 1, false);
        double first = values[0], range = values.Max(v => Math.Abs(v - first));
        if (range == 0) return (first, 1, true);
        var shift = values.Average(v => (v - first) / range);
        var deviation = range * Math.Sqrt(values.Average(v => Math.Pow(((v - first) / range) - shift, 2)));
        var mean = first + (shift * range);
        return double.IsFinite(mean) && deviation is > 0 and <= double.MaxValue ? (mean, deviation, false)
            : throw new DataMismatchException($"{Path}: the numbers of column '{column.Name}' ({values.Min():g4} to {values.Max():g4}) lie "
                + $"beyond what can be standardised. Change their unit, or leave the column out: data.leave_out=[{column.Name}].");
    }

    /// <summary>Features and answers are computed in float32; what is not standardised has to fit there.</summary>
    private void CheckFits(CsvColumn column)
    {
        if (column.Numbers!.FirstOrDefault(n => Math.Abs(n) > float.MaxValue) is var large and not 0)
            throw new DataMismatchException(string.Create(
            CultureInfo.InvariantCulture,
            $"{Path}: column '{column.Name}' holds {large:g4}; numbers up to {float.MaxValue:g4} can be computed with. Change its unit."));
    }

    private static TensorDataset Dataset(CsvTable table, TableFacts facts, int[] rows, CsvColumn? target, List<string> classes, DataUse use)
    {
        var features = new float[rows.Length * facts.Width];
        for (var i = 0; i < rows.Length; i++) facts.Fill(table, rows[i], features.AsSpan(i * facts.Width, facts.Width));
        using var scope = NewDisposeScope();
        var inputs = tensor(features, rows.Length, facts.Width);
        var targets = use.Target switch
        {
            TargetKind.Class => tensor(rows.Select(row => (long)classes.IndexOf(target!.Levels[target.Codes![row]])).ToArray()),
            TargetKind.Number =>
                tensor(rows.Select(row => (float)((target!.Numbers![row] - facts.TargetMean) / facts.TargetDeviation)).ToArray(),
                    rows.Length, 1),
            _ => null,
        };
        return new TensorDataset(inputs, targets);
    }

    private static string Cell(CsvColumn column, int row)
        => column.Texts?[row]
            ?? (column.Codes is { } codes ? codes[row] < 0 ? "" : column.Levels[codes[row]]
                : column.Numbers![row].ToString("R", CultureInfo.InvariantCulture));
}
