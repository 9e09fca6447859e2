using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>Top folders called train, validation (valid, val, dev) and test; class folders lie inside them.</summary>
[Part("folder")]
public sealed record FolderSplit : SplitRule
{
    /// <summary>Share of the training part that chooses the best model where there is no validation folder.</summary>
    public double Validation { get; init; } = 0.1;

    /// <summary>Seed of that draw.</summary>
    public ulong Seed { get; init; }

    /// <inheritdoc/>
    public override SplitParts Divide(SplitExamples examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        var words = examples.Names.Select(name => Shares.PartOf(name.Split('/')[0])).ToList();
        if (words.IndexOf(null) is >= 0 and var other)
        {
            throw new DataMismatchException($"{examples.Name}: {examples.Names[other]} lies in none of the folders train, validation "
                + $"and test.");
        }
        return Shares.FromWords(examples, words, Validation, Seed);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Validation, 0, 1, includeMax: false);
}

/// <summary>
/// A table with the part of each example: columns "file" (or "row", counted from 0) and "part" (train, validation, test).
/// </summary>
[Part("file")]
public sealed record FileSplit : SplitRule
{
    /// <summary>The CSV file.</summary>
    public string Path { get; init; } = "";

    /// <summary>Share of the training part that chooses the best model where the table names no validation part.</summary>
    public double Validation { get; init; } = 0.1;

    /// <summary>Seed of that draw.</summary>
    public ulong Seed { get; init; }

    /// <inheritdoc/>
    public override SplitParts Divide(SplitExamples examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        var kinds = new Dictionary<string, ColumnKind> { ["part"] = ColumnKind.Text };
        var table = CsvTable.Read(Path, new CsvOptions { Header = CsvHeader.Present }, kinds);
        var key = table.Columns.FirstOrDefault(c => c.Name is "file" or "row")?.Name
            ?? throw CsvTable.NoColumn(Path, "file", [.. table.Columns.Select(c => c.Name)]);
        kinds[key] = ColumnKind.Text;
        table = CsvTable.Read(Path, new CsvOptions { Header = CsvHeader.Present }, kinds);
        var part = new Dictionary<string, string?>();
        for (var i = 0; i < table.Rows; i++)
        {
            var (name, word) = (table[key].Texts![i].Replace('\\', '/'), table["part"].Texts![i]);
            if (Shares.PartOf(word) is not { } known)
            {
                throw new DataMismatchException($"{Path}: '{word}' of '{name}' is not a part; allowed: train, validation, test.");
            }
            if (!part.TryAdd(name, known)) throw new DataMismatchException($"{Path}: '{name}' stands there twice.");
        }
        var words = examples.Names.Select(name => part.GetValueOrDefault(name)).ToList();
        if (words.IndexOf(null) is >= 0 and var missing)
        {
            throw new DataMismatchException($"{Path} does not say which part '{examples.Names[missing]}' of {examples.Name} belongs to "
                + $"({words.Count(w => w is null)} of {words.Count} are missing).");
        }
        return Shares.FromWords(examples, words, Validation, Seed);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().NotEmpty(Path, "Name the CSV file: "
        + "split.path=FILE.").Within(Validation, 0, 1, includeMax: false);
}

/// <summary>A column of the data set's own table that says train, validation or test.</summary>
[Part("column")]
public sealed record ColumnSplit : SplitRule
{
    /// <summary>Name of the column.</summary>
    public string Column { get; init; } = "part";

    /// <summary>Share of the training part that chooses the best model where the column names no validation part.</summary>
    public double Validation { get; init; } = 0.1;

    /// <summary>Seed of that draw.</summary>
    public ulong Seed { get; init; }

    /// <inheritdoc/>
    public override SplitParts Divide(SplitExamples examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        var cells = examples.Column?.Invoke(Column) ?? throw new DataMismatchException($"{examples.Name} has no table, so it cannot be "
            + $"divided by a column.");
        var words = cells.Select(Shares.PartOf).ToList();
        if (words.IndexOf(null) is >= 0 and var bad)
        {
            throw new DataMismatchException($"{examples.Name}: '{cells[bad]}' in column '{Column}' is not a part; allowed: train, "
                + $"validation, test.");
        }
        return Shares.FromWords(examples, words, Validation, Seed);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .NotEmpty(Column)
        .Within(Validation, 0, 1, includeMax: false);
}

/// <summary>Shares of whole groups, so that nothing of a patient, a writer or a film stands in two parts.</summary>
[Part("group")]
public sealed record GroupSplit : SplitRule
{
    /// <summary>Column of the table that names the group; empty takes the folder in which a picture lies.</summary>
    public string Column { get; init; } = "";

    /// <summary>Share that chooses the best model.</summary>
    public double Validation { get; init; } = 0.1;

    /// <summary>Share that is reported.</summary>
    public double Test { get; init; } = 0.1;

    /// <summary>Seed of the draw.</summary>
    public ulong Seed { get; init; }

    /// <inheritdoc/>
    public override SplitParts Divide(SplitExamples examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        if (Column.Length > 0 && examples.Column is null)
        {
            throw new DataMismatchException($"{examples.Name} has no table, so it cannot be grouped by a column.");
        }
        var keys = Column.Length > 0 ? examples.Column!(Column)
            : [.. examples.Names.Select(n => n.Contains('/', StringComparison.Ordinal) ? n[..n.LastIndexOf('/')] : "")];
        var groups = Enumerable.Range(0, keys.Count).GroupBy(i => keys[i]).OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => g.ToArray()).ToArray();
        var wanted = 1 + (Test > 0 ? 1 : 0) + (Validation > 0 ? 1 : 0);
        if (groups.Length < wanted)
        {
            throw new DataMismatchException($"{examples.Name}: {groups.Length} group{(groups.Length == 1 ? "" : "s")} cannot give "
                + $"{wanted} parts.");
        }
        new RandomStream(Seed).Shuffle<int[]>(groups);
        var left = new Queue<int[]>(groups);
        int[] Take(double share, int keep)
        {
            var taken = new List<int>();
            while (share > 0 && left.Count > keep && (taken.Count == 0 || taken.Count < share * keys.Count)) taken.AddRange(left.Dequeue());
            return [.. taken.Order()];
        }
        var test = Take(Test, Validation > 0 ? 2 : 1);
        var validation = Take(Validation, 1);
        return new SplitParts([.. left.SelectMany(g => g).Order()], validation, test);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Validation, 0, 1, includeMax: false)
        .Within(Test, 0, 1, includeMax: false)
        .Must(!(Validation + Test >= 1), Validation, "less than 1 together with test");
}
