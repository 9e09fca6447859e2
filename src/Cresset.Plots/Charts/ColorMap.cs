using ScottPlot;

namespace Cresset.Plots;

/// <summary>A colour map through given colours at equal distances.</summary>
internal sealed class ColorMap(string name, params string[] stops) : IColormap
{
    private static readonly ColorMap Blues = new("Blues", "FFFFFF", "DCE9F6", "ABCFE6", "6AADD5", "3787C0", "105BA4", "08306B");
    private static readonly ColorMap Diverging = new("Diverging", "053061", "2F79B5", "8EC3DE", "DCEBF3", "FFFFFF", "FCE0D0", "F4A582",
        "CA4A42", "67001F");
    /// <summary>The gray of cells without a value.</summary>
    public static readonly ColorMap Nothing = new("Nothing", "E4E4E4", "E4E4E4");

    private readonly Color[] _stops = [.. stops.Select(Color.FromHex)];

    public string Name => name;

    public Color GetColor(double position)
    {
        if (double.IsNaN(position)) return Colors.Transparent;
        var at = Math.Clamp(position, 0, 1) * (_stops.Length - 1);
        var below = Math.Min((int)at, _stops.Length - 2);
        return Mix(_stops[below], _stops[below + 1], at - below);
    }

    public static IColormap Of(ColorScale scale) => scale switch
    {
        ColorScale.Blues => Blues,
        ColorScale.Gray => new ScottPlot.Colormaps.Grayscale(),
        ColorScale.Diverging => Diverging,
        _ => new ScottPlot.Colormaps.Viridis(),
    };

    private static Color Mix(Color a, Color b, double t)
        => new((byte)Math.Round(a.R + (t * (b.R - a.R))), (byte)Math.Round(a.G + (t * (b.G - a.G))),
            (byte)Math.Round(a.B + (t * (b.B - a.B))));
}
