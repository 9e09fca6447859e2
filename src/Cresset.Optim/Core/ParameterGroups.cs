using System.Globalization;
using System.Text;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>One rule that sends parameters to a group; the first rule that matches wins.</summary>
/// <param name="Name">The group's name.</param>
/// <param name="Matches">Whether a parameter belongs here.</param>
/// <param name="LearningRate">The group's learning rate; null for the optimizer's.</param>
/// <param name="WeightDecay">The group's weight decay; null for the optimizer's.</param>
/// <param name="Rule">A rule for the group; null for the optimizer's.</param>
public sealed record GroupRule(string Name, Func<NamedParameter, bool> Matches, double? LearningRate = null, double? WeightDecay = null,
    OptimizerRule? Rule = null)
{
    /// <summary>Parameters that should not decay: biases and other vectors, everything in a normalization layer or an embedding.</summary>
    public static bool IsUndecayed(NamedParameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        var owner = parameter.Owner?.GetType().Name ?? "";
        return parameter.Value.dim() <= 1
            || parameter.OwnName == "bias"
            || parameter.Name.EndsWith(".bias", StringComparison.Ordinal)
            || owner.Contains("Norm", StringComparison.Ordinal)
            || owner.Contains("Embedding", StringComparison.Ordinal);
    }
}

/// <summary>Ways to make parameter groups.</summary>
public static class ParameterGroups
{
    /// <summary>Everything that requires a gradient as one group.</summary>
    public static IReadOnlyList<ParameterGroupSpec> All(Module module)
        => [new ParameterGroupSpec("all", Trainable(module))];

    /// <summary>The parameters given, as one group.</summary>
    public static IReadOnlyList<ParameterGroupSpec> Of(IEnumerable<(string Name, TorchSharp.Modules.Parameter Value)> parameters)
        => [new ParameterGroupSpec("all", [.. parameters.Select(p => new NamedParameter(p.Name, p.Value))])];

    /// <summary>Two groups: weights that decay, and biases, norms and embeddings that do not.</summary>
    public static IReadOnlyList<ParameterGroupSpec> NoDecayForBiasesAndNorms(Module module)
        => FromRules(module, [new GroupRule("no decay", GroupRule.IsUndecayed, WeightDecay: 0)], otherwise: "decay");

    /// <summary>
    /// Groups by rules; parameters that no rule matches form the last group, called <paramref name="otherwise"/>. Empty groups are left
    /// out.
    /// </summary>
    public static IReadOnlyList<ParameterGroupSpec> FromRules(Module module, IReadOnlyList<GroupRule> rules, string otherwise = "other")
    {
        ArgumentNullException.ThrowIfNull(rules);
        var buckets = rules.Select(_ => new List<NamedParameter>()).ToList();
        var rest = new List<NamedParameter>();
        foreach (var parameter in Trainable(module))
        {
            var at = 0;
            while (at < rules.Count && !rules[at].Matches(parameter)) at++;
            (at < rules.Count ? buckets[at] : rest).Add(parameter);
        }
        var specs = new List<ParameterGroupSpec>();
        if (rest.Count > 0) specs.Add(new ParameterGroupSpec(otherwise, rest));
        for (var i = 0; i < rules.Count; i++)
        {
            if (buckets[i].Count > 0)
                specs.Add(new ParameterGroupSpec(rules[i].Name, buckets[i], rules[i].LearningRate, rules[i].WeightDecay, rules[i].Rule));
        }
        return specs;
    }

    /// <summary>
    /// Layer-wise learning-rate decay for fine-tuning (Clark et al. 2020): layer l of L gets <c>rate * decay^(L - l)</c>, the head the full
    /// rate.
    /// <paramref name="layerOf"/> numbers a parameter's layer from 0 (embeddings) up.
    /// </summary>
    public static IReadOnlyList<ParameterGroupSpec> LayerDecay(Module module, double rate, double decay, Func<NamedParameter, int> layerOf)
    {
        ArgumentNullException.ThrowIfNull(layerOf);
        if (!(decay is > 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(decay), decay, "The decay per layer must lie in (0, 1] (usual: 0.65 to 0.9).");
        var layers = Trainable(module).GroupBy(layerOf).OrderBy(g => g.Key).ToList();
        var last = layers[^1].Key;
        return [
            .. layers.SelectMany(layer => layer.GroupBy(GroupRule.IsUndecayed).OrderBy(g => g.Key).Select(part => new ParameterGroupSpec(
            string.Create(CultureInfo.InvariantCulture, $"layer {layer.Key}{(part.Key ? ", no decay" : "")}"),
            [.. part],
            rate * Math.Pow(decay, last - layer.Key),
            part.Key ? 0 : null)))];
    }

    /// <summary>A table of groups: name, parameters, scalars, learning rate, weight decay.</summary>
    public static string Summary(Optimizer optimizer)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        var rows = new List<string[]> { new[] { "group", "tensors", "parameters", "learning rate", "weight decay" } };
        foreach (var g in optimizer.Groups)
        {
            rows.Add([g.Name, Text(g.Bindings.Count), g.ElementCount.ToString("N0", CultureInfo.InvariantCulture), Text(g.LearningRate),
                Text(g.WeightDecay)]);
        }
        rows.Add(["total", Text(optimizer.Groups.Sum(g => g.Bindings.Count)),
            optimizer.Groups.Sum(g => g.ElementCount).ToString("N0", CultureInfo.InvariantCulture), "", ""]);
        var widths = Enumerable.Range(0, 5).Select(c => rows.Max(r => r[c].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            for (var c = 0; c < 5; c++) text.Append(c == 0 ? row[c].PadRight(widths[c]) : "  " + row[c].PadLeft(widths[c]));
            text.Append('\n');
        }
        return text.ToString();

        static string Text(double value) => value.ToString("G6", CultureInfo.InvariantCulture);
    }

    private static List<NamedParameter> Trainable(Module module) => [.. NamedParameter.Of(module).Where(p => p.Value.requires_grad)];
}
