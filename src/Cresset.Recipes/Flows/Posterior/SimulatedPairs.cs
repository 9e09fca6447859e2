using Cresset.Data;
using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Pairs of parameters and what a simulator makes of them: a table of numbers without a target, its columns theta_1, theta_2, ..., x_1, ...
/// A simulator of one's own writes such a table with its own columns.
/// </summary>
internal abstract record SimulatedPairs : DataSource
{
    /// <summary>Pairs simulated.</summary>
    public int Pairs { get; init; }

    /// <summary>Seed of the simulator.</summary>
    public ulong Seed { get; init; }

    /// <summary>How the pairs are divided.</summary>
    public SplitRule Split { get; init; } = new ShareSplit();

    /// <inheritdoc/>
    public sealed override DataSplit Open(DataUse use)
    {
        ArgumentNullException.ThrowIfNull(use);
        this.ThrowIfInvalid();
        var kind = PartCatalog.NameOf(GetType())!;
        if (use.NeedsPictures || use.Target != TargetKind.None)
            throw new DataMismatchException($"{kind} is a table of numbers without a target: it suits the jobs posterior and density.");
        using var scope = NewDisposeScope();
        using var generator = new Generator(Seed);
        var (parameters, observations) = Draw(generator);
        var rows = cat([parameters, observations], 1);
        TableColumn[] columns = [.. Names("theta", parameters), .. Names("x", observations)];
        if (Standardizes)
        {
            Tensor mean = rows.mean([0L]), deviation = rows.std(0);
            float[] means = mean.data<float>().ToArray(), deviations = deviation.data<float>().ToArray();
            columns = [.. columns.Select((column, i) => column with { Mean = means[i], Deviation = deviations[i] })];
            rows = (rows - mean) / deviation;
        }
        var facts = new DataFacts
        {
            Name = kind,
            Shape = [columns.Length],
            Table = new TableFacts { Text = new CsvOptions(), Columns = columns }
        };
        return DataSplit.FromTensors(facts, rows, null, Split);
    }

    /// <inheritdoc/>
    public sealed override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Pairs, 100, 10_000_000).Nested(Split);

    /// <summary>Whether columns are brought to mean 0 and deviation 1: where their ranges differ by orders of magnitude.</summary>
    protected virtual bool Standardizes => false;

    /// <summary>Parameters [N, P] and observations [N, O] of <see cref="Pairs"/> pairs.</summary>
    protected abstract (Tensor Parameters, Tensor Observations) Draw(Generator generator);

    private static IEnumerable<TableColumn> Names(string name, Tensor values)
        => Enumerable.Range(1, (int)values.size(1)).Select(i => new TableColumn { Name = $"{name}_{i}" });
}
