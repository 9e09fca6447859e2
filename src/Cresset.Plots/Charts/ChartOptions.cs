using Cresset.Numerics;

namespace Cresset.Plots;

/// <summary>Size, words and axes of a <see cref="Chart"/>.</summary>
public sealed record ChartOptions : IOptionsRecord
{
    /// <summary>Title above the chart; may be empty.</summary>
    public string Title { get; init; } = "";

    /// <summary>Words at the horizontal axis.</summary>
    public string XLabel { get; init; } = "";

    /// <summary>Words at the vertical axis.</summary>
    public string YLabel { get; init; } = "";

    /// <summary>Width in pixels.</summary>
    public int Width { get; init; } = 800;

    /// <summary>Height in pixels.</summary>
    public int Height { get; init; } = 480;

    /// <summary>Logarithmic horizontal axis; values that are not positive are left out.</summary>
    public bool LogX { get; init; }

    /// <summary>Logarithmic vertical axis; values that are not positive are left out.</summary>
    public bool LogY { get; init; }

    /// <summary>Where the legend stands.</summary>
    public LegendPlace Legend { get; init; } = LegendPlace.UpperRight;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Width, 80, 10_000).Within(Height, 80, 10_000).Defined(Legend);
}
