using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>The exact log-densities of <see cref="PlaneDensity"/>: what no model can beat on average.</summary>
public static class PlaneDensities
{
    private const int ArcPoints = 2000;
    private const double MoonDeviation = 0.2;

    /// <summary>Log-densities in nats of points [N, 2]; minus infinity where the density is 0.</summary>
    public static double[] Log(PlaneDensity density, Tensor points)
    {
        Shape.Expect(points, "N D", ("D", 2));
        using var scope = TorchSharp.torch.NewDisposeScope();
        var values = points.cpu().to(ScalarType.Float64).contiguous().data<double>().ToArray();
        return [.. Enumerable.Range(0, values.Length / 2).Select(i => One(density, values[2 * i], values[2 * i + 1]))];
    }

    private static double One(PlaneDensity density, double x, double y)
    {
        switch (density)
        {
            case PlaneDensity.Checkerboard:
                double column = Math.Floor(x / 2), row = Math.Floor(y / 2);
                var inside = column is >= -2 and < 2 && row is >= -2 and < 2 && (column + row) % 2 == 0;
                return inside ? -Math.Log(32) : double.NegativeInfinity;
            case PlaneDensity.EightGaussians:
                const double deviation = 0.5 / 1.414;
                return Math.Log(Enumerable.Range(0, 8).Average(k => Bell(x - 4 / 1.414 * Math.Cos(k * Math.PI / 4), y - 4 / 1.414 * Math.Sin(k * Math.PI / 4), deviation)));
            case PlaneDensity.Moons:
                // The noise blurs a uniform density on two half circles of radius 2: a sum over arc points, exact to rounding.
                double sum = 0;
                for (var k = 0; k < ArcPoints; k++)
                {
                    var angle = (k + 0.5) * Math.PI / ArcPoints;
                    double cos = 2 * Math.Cos(angle), sin = 2 * Math.Sin(angle);
                    sum += Bell(x - (cos - 1), y - (sin - 0.2), MoonDeviation) + Bell(x - (1 - cos), y - (0.8 - sin), MoonDeviation);
                }
                return Math.Log(sum / (2 * ArcPoints));
            default:
                throw new ArgumentOutOfRangeException(nameof(density), density, "Unknown density.");
        }
    }

    private static double Bell(double x, double y, double deviation)
        => Math.Exp(-(x * x + y * y) / (2 * deviation * deviation)) / (2 * Math.PI * deviation * deviation);
}
