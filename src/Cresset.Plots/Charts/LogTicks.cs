using System.Globalization;
using ScottPlot;

namespace Cresset.Plots;

/// <summary>
/// Ticks of a logarithmic axis, whose positions are decimal logarithms already: whole powers where there are enough of them, else also
/// their multiples by 2 and 5, and on short ranges round numbers.
/// </summary>
internal sealed class LogTicks : ITickGenerator
{
    public Tick[] Ticks { get; set; } = [];

    public int MaxTickCount { get; set; } = 1000;

    public void Regenerate(CoordinateRange range, Edge edge, PixelLength size, Paint paint, LabelStyle labelStyle)
    {
        var (low, high) = (Math.Min(range.Value1, range.Value2), Math.Max(range.Value1, range.Value2));
        if (!double.IsFinite(high - low)) return;
        var room = Math.Max(2, (int)(size.Length / (edge is Edge.Left or Edge.Right ? 30 : 70)));
        var majors = Majors(low, high, room);
        Ticks = [.. majors.Select(value => Tick.Major(Math.Log10(value), Name(value))),
            .. Minors(low, high).Except(majors).Select(value => Tick.Minor(Math.Log10(value)))];
    }

    private static List<double> Majors(double low, double high, int room)
    {
        if (high - low < 0.9) return Linear(Math.Pow(10, low), Math.Pow(10, high), room);
        if (high - low < 2.5 && Multiples(low, high, [1, 2, 5]) is var fine && fine.Count <= room) return fine;
        var every = Math.Max(1, (int)Math.Ceiling((high - low) / room));
        return [.. Multiples(low, high, [1]).Where(value => (int)Math.Round(Math.Log10(value)) % every == 0)];
    }

    private static List<double> Minors(double low, double high) =>
        high - low is >= 0.9 and < 12 ? Multiples(low, high, [1, 2, 3, 4, 5, 6, 7, 8, 9]) : [];

    private static List<double> Multiples(double low, double high, int[] factors)
    {
        List<double> values = [];
        for (var exponent = (int)Math.Floor(low); exponent <= high; exponent++)
        {
            foreach (var factor in factors)
            {
                // By way of text, so that 0.2 is the double next to 0.2 and equal however it was reached.
                var value = double.Parse(string.Create(CultureInfo.InvariantCulture, $"{factor}e{exponent}"), CultureInfo.InvariantCulture);
                if (Math.Log10(value) >= low && Math.Log10(value) <= high) values.Add(value);
            }
        }
        return values;
    }

    private static List<double> Linear(double low, double high, int room)
    {
        var raw = (high - low) / room;
        var power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        var step = new[] { 1, 2, 5, 10 }.First(factor => factor * power >= raw * 0.999) * power;
        List<double> values = [];
        for (var i = Math.Ceiling(low / step); i * step <= high; i++) values.Add(i * step);
        return values;
    }

    private static string Name(double value) => value is >= 0.001 and < 100_000
        ? value.ToString("0.######", CultureInfo.InvariantCulture)
        : value.ToString("0.###e0", CultureInfo.InvariantCulture);
}
