using System.Globalization;
using Cresset.Plots;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Particles in the plane on their way from noise to data, as an animated GIF.</summary>
internal static class ParticleAnimation
{
    private const int Side = 360;

    /// <summary>One frame a time of states [times, N, 2]; each frame shows the last few positions of every particle.</summary>
    public static byte[] Render(Tensor states, IReadOnlyList<double> times, double reach)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        var values = states.cpu().to(ScalarType.Float32).permute(0, 2, 1).contiguous().data<float>().ToArray();
        var count = (int)states.size(1);
        var frames = Enumerable.Range(0, times.Count).Select(i =>
        {
            var chart = new Chart(
                new ChartOptions
                {
                    Title = string.Create(CultureInfo.InvariantCulture, $"t = {times[i]:0.00}"),
                    Width = Side,
                    Height = Side
                });
            for (var past = Math.Max(0, i - 3); past < i; past++) Points(chart, values, count, past, 1.5, 7);
            return Points(chart, values, count, i, 3, 0).XLimits(-reach, reach).YLimits(-reach, reach).ToPicture();
        }).ToList();
        using var stream = new MemoryStream();
        AnimatedGif.Write(stream, frames, TimeSpan.FromMilliseconds(70), TimeSpan.FromSeconds(1.5));
        return stream.ToArray();
    }

    private static Chart Points(Chart chart, float[] values, int count, int frame, double size, int color)
        => chart.Scatter<float, float>(null, values.AsSpan(2 * count * frame, count), values.AsSpan((2 * count * frame) + count, count),
            size, color);
}
