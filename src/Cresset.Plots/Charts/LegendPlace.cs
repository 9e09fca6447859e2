namespace Cresset.Plots;

/// <summary>Where a chart's legend stands.</summary>
public enum LegendPlace
{
    /// <summary>Inside, upper right.</summary>
    UpperRight,

    /// <summary>Inside, upper left.</summary>
    UpperLeft,

    /// <summary>Inside, lower right.</summary>
    LowerRight,

    /// <summary>Inside, lower left.</summary>
    LowerLeft,

    /// <summary>Beside the chart, on the right: for many series.</summary>
    Outside,

    /// <summary>No legend.</summary>
    None,
}
