using Cresset.Data;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Densities in the plane on which flows are compared.</summary>
public enum PlaneDensity
{
    /// <summary>Two interleaved half circles, noise 0.1, scaled by 2.</summary>
    Moons,

    /// <summary>Eight Gaussians on a circle of radius 4, deviation 0.5, all divided by 1.414 (FFJORD).</summary>
    EightGaussians,

    /// <summary>Uniform on eight squares of [-4, 4]^2.</summary>
    Checkerboard,
}

/// <summary>Endless samples of a density: each epoch draws new ones.</summary>
public sealed class PlaneData : IDataset
{
    private readonly PlaneDensity _density;

    /// <summary>Makes the dataset.</summary>
    public PlaneData(PlaneDensity density, int count = 65_536)
    {
        _density = density;
        Count = count;
    }

    /// <inheritdoc/>
    public int Count { get; }

    /// <summary>Samples [count, 2].</summary>
    public static Tensor Draw(PlaneDensity density, int count, int seed)
    {
        var random = new Random(seed);
        var values = new float[2 * count];
        for (var i = 0; i < count; i++)
        {
            var (x, y) = Point(density, random);
            (values[2 * i], values[2 * i + 1]) = ((float)x, (float)y);
        }
        return tensor(values).reshape(count, 2);
    }

    /// <inheritdoc/>
    public IPreparedBatch Prepare(BatchRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        // One stream a batch: its first index tells batches of an epoch apart.
        return new Prepared(_density, request.Indices.Count, unchecked((int)(request.Seed * 1_000_003UL) + request.Epoch * 7919 + request.Indices[0] * 31));
    }

    private static (double X, double Y) Point(PlaneDensity density, Random random)
    {
        switch (density)
        {
            case PlaneDensity.Moons:
                var angle = random.NextDouble() * Math.PI;
                var upper = random.Next(2) == 0;
                var x = (upper ? Math.Cos(angle) : 1 - Math.Cos(angle)) + 0.1 * Normal(random);
                var y = (upper ? Math.Sin(angle) : 0.5 - Math.Sin(angle)) + 0.1 * Normal(random);
                return (2 * x - 1, 2 * y - 0.2);
            case PlaneDensity.EightGaussians:
                var turn = random.Next(8) * Math.PI / 4;
                return ((4 * Math.Cos(turn) + 0.5 * Normal(random)) / 1.414, (4 * Math.Sin(turn) + 0.5 * Normal(random)) / 1.414);
            case PlaneDensity.Checkerboard:
                var column = random.NextDouble() * 4 - 2;
                var row = random.NextDouble() - 2 * random.Next(2) + (Math.Floor(column) % 2 == 0 ? 0 : 1);
                return (2 * column, 2 * row);
            default:
                throw new ArgumentOutOfRangeException(nameof(density), density, "Unknown density.");
        }
    }

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private sealed class Prepared(PlaneDensity density, int count, int seed) : IPreparedBatch
    {
        public Batch ToBatch() => new(Draw(density, count, seed));
    }
}
