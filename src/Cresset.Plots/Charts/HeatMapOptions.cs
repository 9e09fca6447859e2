using Cresset.Numerics;

namespace Cresset.Plots;

/// <summary>How the cells of a heat map look.</summary>
public sealed record HeatMapOptions : IOptionsRecord
{
    /// <summary>Colours.</summary>
    public ColorScale Colors { get; init; } = ColorScale.Viridis;

    /// <summary>Value of the first colour, or null for the smallest finite value.</summary>
    public double? Minimum { get; init; }

    /// <summary>Value of the last colour, or null for the largest finite value.</summary>
    public double? Maximum { get; init; }

    /// <summary>Write each value into its cell.</summary>
    public bool ShowValues { get; init; }

    /// <summary>Format of the values.</summary>
    public string ValueFormat { get; init; } = "0.##";

    /// <summary>A texts for each cell in row order instead of its value, or null. Line breaks are allowed.</summary>
    public IReadOnlyList<string>? CellTexts { get; init; }

    /// <summary>Names of the rows from top to bottom, or null for numbers.</summary>
    public IReadOnlyList<string>? RowLabels { get; init; }

    /// <summary>Names of the columns from left to right, or null for numbers.</summary>
    public IReadOnlyList<string>? ColumnLabels { get; init; }

    /// <summary>Show the scale of the colours on the right.</summary>
    public bool ColorBar { get; init; } = true;

    /// <summary>Words at the scale of the colours.</summary>
    public string ColorBarLabel { get; init; } = "";

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Defined(Colors)
        .Must(Minimum is null || Maximum is null || Minimum < Maximum, Maximum, $"greater than the minimum {Minimum}");
}
