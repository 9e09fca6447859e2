using Cresset.Flows;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>A flow that learns a density in the plane.</summary>
internal sealed record PlaneFlowOptions : IOptionsRecord
{
    /// <summary>The density.</summary>
    public PlaneDensity Density { get; init; } = new MoonsDensity();

    /// <summary>The flow; not one over pictures.</summary>
    public FlowOptions Flow { get; init; } = new RealNvpFlow();

    /// <summary>
    /// A safetensors file with the points to judge by, under the density's name (8gaussians for eight-gaussians) [N, 2]; empty draws 5,000.
    /// </summary>
    public string TestPoints { get; init; } = "";

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Density is not null, Density, "a density of the plane (cresset list --plane-densities)")
        .Nested(Density)
        .Must(Flow is { TakesPicturesOnly: false }, PartCatalog.NameOf(Flow?.GetType() ?? typeof(object)),
            "a flow over vectors (cresset list --flows)", "Glow learns pictures: see glow-digits.", nameof(Flow))
        .Nested(Flow);
}
