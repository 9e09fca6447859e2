using Cresset.Numerics;
using Cresset.Rl;

namespace Cresset.Samples.Worlds;

/// <summary>Order goods at night and sell them by day; orders that do not fit into the store are masked.</summary>
[Part("inventory")]
public sealed record InventorySource : EnvironmentSource
{
    /// <summary>Most pieces in the store.</summary>
    public int Capacity { get; init; } = 10;

    /// <summary>Largest demand of a day.</summary>
    public int Demand { get; init; } = 6;

    public override IEnvironment Make() => new Inventory(Capacity, Demand);

    public override IEnumerable<OptionProblem> Validate() =>
        [.. base.Validate(), .. new OptionChecks().Within(Capacity, 1, 1000).Within(Demand, 0, 1000)];
}
