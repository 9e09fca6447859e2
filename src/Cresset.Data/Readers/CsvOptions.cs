using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>Whether the first line of a table names its columns.</summary>
public enum CsvHeader
{
    /// <summary>Decided by the cells; refused where they do not tell.</summary>
    Auto,

    /// <summary>The first line names the columns.</summary>
    Present,

    /// <summary>The first line is a row; columns are called c0, c1 ...</summary>
    Absent,
}

/// <summary>What stands between the whole and the fractional digits.</summary>
public enum DecimalMark
{
    /// <summary>1.5.</summary>
    Point,

    /// <summary>1,5.</summary>
    Comma,
}

/// <summary>How the text of a table is read.</summary>
public sealed record CsvOptions : IOptionsRecord
{
    private static readonly string[] SeparatorNames = ["auto", "comma", "semicolon", "tab", "pipe", "space"];

    /// <summary>auto, comma, semicolon, tab, pipe, space, or the character itself.</summary>
    public string Separator { get; init; } = "auto";

    /// <summary>Whether the first line names the columns.</summary>
    public CsvHeader Header { get; init; } = CsvHeader.Auto;

    /// <summary>The decimal mark of numbers.</summary>
    public DecimalMark Decimal { get; init; } = DecimalMark.Point;

    /// <summary>Cells that mean "no value", beside empty ones; upper and lower case are alike.</summary>
    public IReadOnlyList<string> Markers { get; init; } = ["?", "NA", "N/A", "NaN", "null", "None"];

    /// <summary>Encoding of a file without a byte order mark: utf-8, latin1 or utf-16.</summary>
    public string Encoding { get; init; } = "utf-8";

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Separator is { Length: 1 } && Separator[0] is not ('"' or '\r' or '\n') || SeparatorNames.Contains(Separator), Separator,
            $"one character, or one of {string.Join(", ", SeparatorNames)}")
        .Defined(Header)
        .Defined(Decimal)
        .Must(Markers is not null && Markers.All(m => m is not null), Markers is null ? null : "a list with null", "a list of "
            + "texts", field: nameof(Markers))
        .OneOf(Encoding, ["utf-8", "latin1", "utf-16"])
        .Must(!(Decimal == DecimalMark.Comma && Separator is "," or "comma"), Separator, "another separator than the decimal comma");

    internal char? SeparatorCharacter => Separator switch
    {
        "auto" => null,
        "comma" => ',',
        "semicolon" => ';',
        "tab" => '\t',
        "pipe" => '|',
        "space" => ' ',
        _ => Separator[0],
    };

    internal bool IsMissing(string cell) => cell.Length == 0 || Markers.Contains(cell, StringComparer.OrdinalIgnoreCase);
}
