using SkiaSharp;

namespace Cresset.Plots;

/// <summary>The colours of all figures.</summary>
internal static class PlotColors
{
    /// <summary>
    /// Okabe and Ito's palette, told apart with every common colour blindness; its yellow is left out (too light on white).
    /// </summary>
    public static readonly ScottPlot.Color[] Series = [
        .. new[] { "0072B2", "D55E00", "009E73", "CC79A7", "56B4E9", "E69F00", "4D4D4D", "7F3C8D" }.Select(ScottPlot.Color.FromHex)];

    public static readonly ScottPlot.Color Text = ScottPlot.Color.FromHex("222222");

    public static readonly ScottPlot.Color Axis = ScottPlot.Color.FromHex("888888");

    public static readonly ScottPlot.Color Grid = ScottPlot.Color.FromHex("E4E4E4");

    public static readonly SKColor Ink = new(0x22, 0x22, 0x22);

    /// <summary>Black or white, whichever can be read on the given colour.</summary>
    public static ScottPlot.Color Readable(ScottPlot.Color background)
        => (0.299 * background.R) + (0.587 * background.G) + (0.114 * background.B) > 140 ? Text : ScottPlot.Colors.White;
}
