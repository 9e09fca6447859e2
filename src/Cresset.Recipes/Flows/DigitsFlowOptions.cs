using Cresset.Flows;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>A flow that learns the 8x8 digits.</summary>
internal sealed record DigitsFlowOptions : IOptionsRecord
{
    /// <summary>The flow; not a continuous one, whose exact trace of 64 pixels takes too long.</summary>
    public FlowOptions Flow { get; init; } = new SplineFlow();

    /// <summary>Temperatures that pictures show.</summary>
    public double[] Temperatures { get; init; } = [0.5, 0.7, 0.85, 1];

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Flow is not (null or ContinuousFlowOptions), PartCatalog.NameOf(Flow?.GetType() ?? typeof(object)),
            "any flow but ffjord (cresset list --flows)", field: nameof(Flow))
        .Nested(Flow)
        .Must(Temperatures is { Length: > 0 } && Temperatures.All(t => t > 0), Temperatures, "at least one, all greater than 0");
}
