using ScottPlot;
using SkiaSharp;

namespace Cresset.Plots;

/// <summary>The font that comes with the assembly, so that text looks the same everywhere and is drawn on machines without fonts.</summary>
internal sealed class PlotFont : IFontResolver
{
    public const string Name = "DejaVu Sans";

    static PlotFont()
    {
        Regular = Load("DejaVuSans.ttf");
        Bold = Load("DejaVuSans-Bold.ttf");
        ScottPlot.Fonts.FontResolvers.Insert(0, new PlotFont());
    }

    public static SKTypeface Regular { get; }

    public static SKTypeface Bold { get; }

    /// <summary>Makes sure that the chart library knows the font.</summary>
    public static void Register() => _ = Regular;

    public SKTypeface? CreateTypeface(string fontName, FontWeight weight, FontSlant slant, FontSpacing spacing)
        => CreateTypeface(fontName, weight >= FontWeight.SemiBold, slant != FontSlant.Upright);

    // Answers for every name: a fallback of the system may be missing, or look different.
    public SKTypeface? CreateTypeface(string fontName, bool bold, bool italic) => Load(bold ? "DejaVuSans-Bold.ttf" : "DejaVuSans.ttf");

    private static SKTypeface Load(string file)
    {
        using var stream = typeof(PlotFont).Assembly.GetManifestResourceStream($"Cresset.Plots.Fonts.{file}")!;
        using var data = SKData.Create(stream);
        return SKTypeface.FromData(data);
    }
}
