namespace Cresset.Quantization;

/// <summary>Which taps of a masked convolution may look (van den Oord et al. 2016).</summary>
public enum MaskKind
{
    /// <summary>Only positions before the current one in raster order: the first layer, which sees the codes themselves.</summary>
    A,

    /// <summary>Those and the current position: later layers.</summary>
    B,
}
