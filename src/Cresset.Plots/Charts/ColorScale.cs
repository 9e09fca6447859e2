namespace Cresset.Plots;

/// <summary>Colours for values.</summary>
public enum ColorScale
{
    /// <summary>From dark blue over green to yellow; even steps of brightness, fit for colour-blind readers.</summary>
    Viridis,

    /// <summary>From white to dark blue: counts and shares.</summary>
    Blues,

    /// <summary>From black to white.</summary>
    Gray,

    /// <summary>From blue over white to red, white at the middle of the range: signed values.</summary>
    Diverging,
}
