using Cresset.Data;
using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Pairs of a simulator with a simple likelihood and a complex posterior (Papamakarios et al. 2019): five parameters uniform on (-3, 3)
/// shape a
/// normal distribution of the plane, of which four points are observed; the posterior has four equal modes.
/// </summary>
[Part("slcp-pairs", "Papamakarios et al. 2019, arXiv:1805.07226")]
internal sealed record SlcpPairs : DataSource
{
    /// <summary>Pairs simulated.</summary>
    public int Pairs { get; init; } = 100_000;

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
            throw new DataMismatchException("slcp-pairs is a table of numbers without a target: it suits the jobs posterior and density.");
        using var scope = NewDisposeScope();
        using var generator = new Generator(Seed);
        var parameters = (rand(Pairs, 5, generator: generator) * 6) - 3;
        var rows = cat([parameters, Simulate(parameters, generator)], 1);
        Tensor mean = rows.mean([0L]), deviation = rows.std(0);
        float[] means = mean.data<float>().ToArray(), deviations = deviation.data<float>().ToArray();
        string[] names = [.. Enumerable.Range(1, 5).Select(i => $"theta_{i}"), .. Enumerable.Range(1, 8).Select(i => $"x_{i}")];
        TableColumn[] columns = [.. names.Select((name, i) => new TableColumn { Name = name, Mean = means[i], Deviation = deviations[i] })];
        var facts = new DataFacts
        {
            Name = "slcp-pairs",
            Shape = [names.Length],
            Table = new TableFacts { Text = new CsvOptions(), Columns = columns }
        };
        return DataSplit.FromTensors(facts, (rows - mean) / deviation, null, Split);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Pairs, 100, 10_000_000).Nested(Split);

    /// <summary>Observations [N, 8] of parameters [N, 5]: four points of the plane, one after the other.</summary>
    internal static Tensor Simulate(Tensor parameters, Generator generator)
    {
        var count = parameters.size(0);
        var p = parameters.unbind(1);
        Tensor first = p[2].square(), second = p[3].square(), correlation = p[4].tanh();
        Tensor a = randn(count, 4, generator: generator), b = randn(count, 4, generator: generator);
        var x = p[0].unsqueeze(1) + (first.unsqueeze(1) * a);
        var y = p[1].unsqueeze(1)
            + (second.unsqueeze(1) * ((correlation.unsqueeze(1) * a) + ((1 - correlation.square()).sqrt().unsqueeze(1) * b)));
        return stack([x, y], 2).reshape(count, 8);
    }
}
