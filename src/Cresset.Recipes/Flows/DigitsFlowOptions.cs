using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>A flow that learns the 8x8 digits.</summary>
public sealed record DigitsFlowOptions : IOptionsRecord
{
    /// <summary>The flow.</summary>
    public FlowFamily Family { get; init; } = FlowFamily.Spline;

    /// <summary>Number of transforms; steps a level for Glow.</summary>
    public int Transforms { get; init; } = 3;

    /// <summary>Width of the hidden layers.</summary>
    public int Width { get; init; } = 128;

    /// <summary>Number of hidden layers.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>Bins of a spline.</summary>
    public int Bins { get; init; } = 8;

    /// <summary>Levels of Glow.</summary>
    public int Levels { get; init; } = 2;

    /// <summary>Temperatures that pictures show.</summary>
    public double[] Temperatures { get; init; } = [0.5, 0.7, 0.85, 1];

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Enum.IsDefined(Family) && Family != FlowFamily.Ffjord, Family, "any family but Ffjord")
        .Within(Transforms, 1, 1000)
        .Within(Width, 1, 100_000)
        .Within(Layers, 1, 100)
        .Within(Bins, 2, 256)
        .Within(Levels, 1, 3)
        .Must(Temperatures is { Length: > 0 } && Temperatures.All(t => t > 0), Temperatures, "at least one, all greater than 0");
}
