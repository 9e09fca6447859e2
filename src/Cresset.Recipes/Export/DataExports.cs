using System.Globalization;
using System.Text.Json;
using Cresset.Data;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// What models of data sets have in common when they are exported: examples, names, and the preparation of rows inside the file.
/// </summary>
internal static class DataExports
{
    /// <summary>Name of the input: a picture in 0..1, or a row of a table in its own units.</summary>
    public static string InputName(DataFacts facts) => facts.ArePictures ? "picture" : facts.Table is null ? "input" : "row";

    /// <summary>Two items of the data's shape.</summary>
    public static Tensor Example(DataFacts facts)
    {
        long[] shape = [2, .. facts.Shape];
        using var generator = new Generator(0);
        if (facts.ArePictures) return rand(shape, generator: generator);
        var standard = randn(shape, generator: generator);
        return facts.Table is { } table ? (standard * Deviations(table)) + Means(table) : standard;
    }

    /// <summary>A row in the table's own units as the model takes it; classes of a column are ones and zeros already.</summary>
    public static Func<Tensor, Tensor> Prepare(DataFacts facts)
    {
        if (facts.Table is not { } table) return x => x;
        var (means, deviations) = (Means(table), Deviations(table));
        return x => (x - means) / deviations;
    }

    /// <summary>Names of classes and columns, and what the numbers mean.</summary>
    public static Dictionary<string, string> Metadata(DataFacts facts)
    {
        var metadata = new Dictionary<string, string> { [DataFacts.MetadataKey] = facts.ToJson() };
        if (facts.Classes.Count > 0) metadata["classes"] = JsonSerializer.Serialize(facts.Classes);
        if (facts.ArePictures)
            metadata["input"] = string.Create(CultureInfo.InvariantCulture,
                $"[batch, {facts.Shape[0]}, {facts.Shape[1]}, {facts.Shape[2]}] in 0..1, rows from the top");
        if (facts.Table is { } table) metadata["columns"] = JsonSerializer.Serialize(table.Features);
        return metadata;
    }

    private static Tensor Means(TableFacts table) => tensor(Spread(table, c => c.Mean, 0));

    private static Tensor Deviations(TableFacts table) => tensor(Spread(table, c => c.Deviation, 1));

    private static float[] Spread(TableFacts table, Func<TableColumn, double> number, float ofClass)
        => [.. table.Columns.SelectMany(c => c.Levels is { } levels ? Enumerable.Repeat(ofClass, levels.Count) : [(float)number(c)])];
}
