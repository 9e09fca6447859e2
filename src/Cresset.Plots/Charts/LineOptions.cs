using Cresset.Numerics;

namespace Cresset.Plots;

/// <summary>How a line of a <see cref="Chart"/> looks.</summary>
public sealed record LineOptions : IOptionsRecord
{
    /// <summary>
    /// Weight of the smoothing in [0, 1) (see <see cref="Smoothing"/>); above 0 the raw values stay behind the smooth line, pale.
    /// </summary>
    public double Smoothing { get; init; }

    /// <summary>Width in pixels.</summary>
    public double Width { get; init; } = 2;

    /// <summary>Dashes instead of a full line.</summary>
    public bool Dashed { get; init; }

    /// <summary>Mark each point.</summary>
    public bool Markers { get; init; }

    /// <summary>Number of a colour of the palette, or null for the next one.</summary>
    public int? Color { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() =>
        new OptionChecks().Within(Smoothing, 0, 1, includeMax: false).Within(Width, 0.1, 50)
            .Must(Color is null or >= 0, Color, "0 or more, or null");
}
