using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// A density in the plane on which flows are compared: points to learn from, and the exact density, which no model can beat on average. One
/// of your own derives from it.
/// </summary>
[PartKind("plane-density")]
public abstract record PlaneDensity : IOptionsRecord
{
    /// <summary>The name of its points in a file of test points.</summary>
    public virtual string PointsName => PartCatalog.NameOf(GetType()) ?? GetType().Name;

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];

    /// <summary>Draws a point.</summary>
    public abstract (double X, double Y) Point(Random random);

    /// <summary>The log-density of a point in nats; minus infinity where there is none.</summary>
    public abstract double LogAt(double x, double y);

    /// <summary>Draws points [count, 2].</summary>
    public Tensor Draw(int count, int seed)
    {
        var random = new Random(seed);
        var values = new float[2 * count];
        for (var i = 0; i < count; i++)
        {
            var (x, y) = Point(random);
            (values[2 * i], values[(2 * i) + 1]) = ((float)x, (float)y);
        }
        return tensor(values).reshape(count, 2);
    }

    /// <summary>Log-densities in nats of points [N, 2]; minus infinity where the density is 0.</summary>
    public double[] Log(Tensor points)
    {
        Shape.Expect(points, "N D", ("D", 2));
        using var scope = NewDisposeScope();
        var values = points.cpu().to(ScalarType.Float64).contiguous().data<double>().ToArray();
        return [.. Enumerable.Range(0, values.Length / 2).Select(i => LogAt(values[2 * i], values[(2 * i) + 1]))];
    }

    /// <summary>A number of the standard normal distribution (Box and Muller 1958).</summary>
    protected static double Normal(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        return Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
    }

    /// <summary>The density of a round Gaussian at a distance from its centre.</summary>
    protected static double Bell(double x, double y, double deviation)
        => Math.Exp(-((x * x) + (y * y)) / (2 * deviation * deviation)) / (2 * Math.PI * deviation * deviation);
}

/// <summary>Two interleaved half circles, noise 0.1, scaled by 2.</summary>
[Part("moons")]
internal sealed record MoonsDensity : PlaneDensity
{
    private const int ArcPoints = 2000;
    private const double Noise = 0.1, Scale = 2;

    /// <inheritdoc/>
    public override (double X, double Y) Point(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        var angle = random.NextDouble() * Math.PI;
        var upper = random.Next(2) == 0;
        var x = (upper ? Math.Cos(angle) : 1 - Math.Cos(angle)) + (Noise * Normal(random));
        var y = (upper ? Math.Sin(angle) : 0.5 - Math.Sin(angle)) + (Noise * Normal(random));
        return ((Scale * x) - 1, (Scale * y) - 0.2);
    }

    /// <inheritdoc/>
    public override double LogAt(double x, double y)
    {
        // The noise blurs a uniform density on two half circles of radius 2: a sum over arc points, exact to rounding.
        double sum = 0;
        for (var k = 0; k < ArcPoints; k++)
        {
            var angle = (k + 0.5) * Math.PI / ArcPoints;
            double cos = Scale * Math.Cos(angle), sin = Scale * Math.Sin(angle);
            sum += Bell(x - (cos - 1), y - (sin - 0.2), Scale * Noise) + Bell(x - (1 - cos), y - (0.8 - sin), Scale * Noise);
        }
        return Math.Log(sum / (2 * ArcPoints));
    }
}

/// <summary>Eight Gaussians on a circle of radius 4, deviation 0.5, all divided by 1.414.</summary>
[Part("eight-gaussians", "Grathwohl et al. 2019, arXiv:1810.01367", Aliases = ["8gaussians"])]
internal sealed record EightGaussiansDensity : PlaneDensity
{
    private const double Radius = 4, Deviation = 0.5, Divisor = 1.414;

    /// <inheritdoc/>
    public override string PointsName => "8gaussians";

    /// <inheritdoc/>
    public override (double X, double Y) Point(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        var turn = random.Next(8) * Math.PI / 4;
        return (((Radius * Math.Cos(turn)) + (Deviation * Normal(random))) / Divisor,
            ((Radius * Math.Sin(turn)) + (Deviation * Normal(random))) / Divisor);
    }

    /// <inheritdoc/>
    public override double LogAt(double x, double y)
        => Math.Log(Enumerable.Range(0, 8)
            .Average(
                k => Bell(x - (Radius / Divisor * Math.Cos(k * Math.PI / 4)), y - (Radius / Divisor * Math.Sin(k * Math.PI / 4)),
                    Deviation / Divisor)));
}

/// <summary>Uniform on eight squares of [-4, 4]^2.</summary>
[Part("checkerboard")]
internal sealed record CheckerboardDensity : PlaneDensity
{
    /// <inheritdoc/>
    public override (double X, double Y) Point(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        var column = (random.NextDouble() * 4) - 2;
        var row = random.NextDouble() - (2 * random.Next(2)) + (Math.Floor(column) % 2 == 0 ? 0 : 1);
        return (2 * column, 2 * row);
    }

    /// <inheritdoc/>
    public override double LogAt(double x, double y)
    {
        double column = Math.Floor(x / 2), row = Math.Floor(y / 2);
        var inside = column is >= -2 and < 2 && row is >= -2 and < 2 && (column + row) % 2 == 0;
        return inside ? -Math.Log(32) : double.NegativeInfinity;
    }
}
