using Cresset.Data;
using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Pairs of the two-moons simulator (Greenberg et al. 2019): parameters uniform on (-1, 1)^2, observations on a half circle that they move;
/// the
/// posterior of an observation is two crescents. A simulator of one's own writes such a table with its own columns.
/// </summary>
[Part("two-moons-pairs", "Greenberg et al. 2019")]
internal sealed record TwoMoonsPairs : DataSource
{
    /// <summary>Pairs simulated.</summary>
    public int Pairs { get; init; } = 10_000;

    /// <summary>Seed of the simulator.</summary>
    public ulong Seed { get; init; }

    /// <summary>How the pairs are divided.</summary>
    public SplitRule Split { get; init; } = new ShareSplit();

    /// <inheritdoc/>
    public override DataSplit Open(DataUse use)
    {
        ArgumentNullException.ThrowIfNull(use);
        this.ThrowIfInvalid();
        if (use.NeedsPictures || use.Target != TargetKind.None)
            throw new DataMismatchException(
                "two-moons-pairs is a table of numbers without a target: it suits the jobs posterior and density.");
        using var scope = NewDisposeScope();
        using var generator = new Generator(Seed);
        var parameters = rand(Pairs, 2, generator: generator) * 2 - 1;
        var rows = cat([parameters, Simulate(parameters, generator)], 1);
        TableColumn[] columns = [.. new[] { "theta_1", "theta_2", "x_1", "x_2" }.Select(name => new TableColumn { Name = name })];
        var facts = new DataFacts
        {
            Name = "two-moons-pairs",
            Shape = [4],
            Table = new TableFacts { Text = new CsvOptions(), Columns = columns }
        };
        return DataSplit.FromTensors(facts, rows, null, Split);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Pairs, 100, 10_000_000).Nested(Split);

    /// <summary>Observations [N, 2] of parameters [N, 2].</summary>
    internal static Tensor Simulate(Tensor parameters, Generator generator)
    {
        var count = parameters.size(0);
        var angle = (rand(count, generator: generator) - 0.5) * Math.PI;
        var radius = randn(count, generator: generator) * 0.01 + 0.1;
        Tensor first = parameters.select(1, 0), second = parameters.select(1, 1);
        return stack([angle.cos() * radius + 0.25 - (first + second).abs() / Math.Sqrt(2),
            angle.sin() * radius + (second - first) / Math.Sqrt(2)], 1);
    }
}
