namespace Cresset.Data;

/// <summary>What the cells of a column are.</summary>
public enum ColumnKind
{
    /// <summary>Numbers if every cell is one, classes if none is; a mixture is refused.</summary>
    Auto,

    /// <summary>Numbers; another cell is refused.</summary>
    Number,

    /// <summary>Names of classes, digits included.</summary>
    Class,

    /// <summary>Texts as they stand, such as file names and captions; nothing counts as missing.</summary>
    Text,
}

/// <summary>A column of a table.</summary>
public sealed class CsvColumn
{
    internal CsvColumn(string name, double[] numbers) => (Name, Numbers, Missing) = (name, numbers, numbers.Count(double.IsNaN));

    internal CsvColumn(string name, int[] codes, IReadOnlyList<string> levels)
        => (Name, Codes, Levels, Missing) = (name, codes, levels, codes.Count(c => c < 0));

    internal CsvColumn(string name, string[] texts) => (Name, Texts) = (name, texts);

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>What its cells are; never <see cref="ColumnKind.Auto"/>.</summary>
    public ColumnKind Kind => Numbers is not null ? ColumnKind.Number : Codes is not null ? ColumnKind.Class : ColumnKind.Text;

    /// <summary>The values of a column of numbers, NaN where one is missing.</summary>
    public IReadOnlyList<double>? Numbers { get; }

    /// <summary>Indices into <see cref="Levels"/> of a column of classes, -1 where one is missing.</summary>
    public IReadOnlyList<int>? Codes { get; }

    /// <summary>Names of the classes: in numerical order if all are numbers, otherwise by their characters.</summary>
    public IReadOnlyList<string> Levels { get; } = [];

    /// <summary>The cells of a column of texts.</summary>
    public IReadOnlyList<string>? Texts { get; }

    /// <summary>Number of missing values.</summary>
    public int Missing { get; }

    /// <summary>True when the cell has no value.</summary>
    public bool IsMissing(int row) => Numbers is not null ? double.IsNaN(Numbers[row]) : Codes is not null && Codes[row] < 0;
}
