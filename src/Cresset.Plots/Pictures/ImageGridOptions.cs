using Cresset.Numerics;

namespace Cresset.Plots;

/// <summary>How the images of an <see cref="ImageGrid"/> are laid out.</summary>
public sealed record ImageGridOptions : IOptionsRecord
{
    /// <summary>Images in a row, or 0 for a nearly square grid.</summary>
    public int Columns { get; init; }

    /// <summary>Side of the square that each pixel becomes, or 0 so that images are at least 64 pixels wide.</summary>
    public int Scale { get; init; }

    /// <summary>Pixels between images and around them.</summary>
    public int Padding { get; init; } = 4;

    /// <summary>Value of black (images of floats).</summary>
    public double Minimum { get; init; }

    /// <summary>Value of full brightness (images of floats).</summary>
    public double Maximum { get; init; } = 1;

    /// <summary>Title above the grid; may be empty.</summary>
    public string Title { get; init; } = "";

    /// <summary>Words below each image, as many as images, or null.</summary>
    public IReadOnlyList<string>? Captions { get; init; }

    /// <summary>Words left of each row, or null.</summary>
    public IReadOnlyList<string>? RowLabels { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Columns, 0, 10_000).Within(Scale, 0, 256).Within(Padding, 0, 256)
        .Must(Minimum < Maximum, Maximum, $"greater than the minimum {Minimum}");
}
