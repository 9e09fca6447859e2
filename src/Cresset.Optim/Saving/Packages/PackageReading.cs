using System.Globalization;
using System.Text.Json.Nodes;

namespace Cresset.Optim;

/// <summary>A group of a file while its options are taken over.</summary>
internal sealed class PackageReading(PackageMethod method, OptimizerRule rule, JsonObject group, int index)
{
    /// <summary>The rule with what has been read.</summary>
    public OptimizerRule Rule { get; } = rule with { };

    /// <summary>The group as the file has it.</summary>
    public JsonObject Group => group;

    /// <summary>Numbers over all parameters together, under our names.</summary>
    public Dictionary<string, double> Numbers { get; } = [];

    public void Set(string property, JsonNode? node, string key) => PyTorchGroupOptions.Set(Rule, PropertyOf(property), node, key);

    public void Set(string property, object value) => PropertyOf(property).SetValue(Rule, value);

    public void Share(string number, double value) => Numbers[string.Format(CultureInfo.InvariantCulture, number, index)] = value;

    public ArgumentException Refused(string what, string reason)
        => new($"{method.Title} with {what} is not continued here: {reason}. It was not loaded.");

    private System.Reflection.PropertyInfo PropertyOf(string name) => Rule.GetType().GetProperty(name)
        ?? throw new InvalidOperationException($"{Rule.GetType().Name} has no property {name}.");
}

/// <summary>A group of an optimizer while its options are written for another package.</summary>
internal sealed class PackageWriting(PackageMethod method, Optimizer optimizer, ParameterGroup group)
{
    public OptimizerRule Rule => group.Rule;

    public object? Get(string property) => property switch
    {
        nameof(OptimizerRule.LearningRate) => group.LearningRate,
        nameof(OptimizerRule.WeightDecay) => group.WeightDecay,
        _ when property == PyTorchGroupOptions.CycledName(Rule) && group.Momentum is { } momentum => momentum,
        _ => Rule.GetType().GetProperty(property)!.GetValue(Rule),
    };

    public double Shared(string number, double start)
        => optimizer.Numbers.Get(string.Format(CultureInfo.InvariantCulture, number, group.Index), start);

    public NotSupportedException Refused(string what, string reason)
        => new($"{method.Title} cannot go on from this optimizer with {what}: {reason}. Nothing was written.");
}
