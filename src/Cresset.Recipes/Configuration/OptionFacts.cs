using System.Reflection;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>One option as help shows it.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Summary">What it means, from its documentation.</param>
/// <param name="Type">What a value looks like.</param>
/// <param name="Default">The default as a recipe writes it in one line.</param>
/// <param name="Allowed">The allowed range or choice; empty where its record gives none.</param>
public sealed record OptionFact(string Key, string Summary, string Type, string Default, string Allowed);

/// <summary>What there is to say about the options of a record: meaning, type, default, range.</summary>
/// <param name="parts">Where summaries are found.</param>
/// <param name="record">A record with its defaults.</param>
public sealed class OptionFacts(PartCatalog parts, object record)
{
    /// <summary>All options in the order of their declaration.</summary>
    public IReadOnlyList<OptionFact> All => [.. OptionNames.Properties(record.GetType()).Select(Fact)];

    /// <summary>One line about an option: meaning, type, default, range.</summary>
    public string Describe(string key)
    {
        if (!OptionNames.Keys(record.GetType()).TryGetValue(key, out var property)) return "";
        var fact = Fact(property);
        var summary = fact.Summary.Length == 0 ? "" : $"{fact.Summary.TrimEnd('.')}: ";
        return $"{key} is {summary}{fact.Type}, default {fact.Default}{(fact.Allowed.Length == 0 ? "" : $", allowed: {fact.Allowed}")}.";
    }

    private OptionFact Fact(PropertyInfo property)
        => new(OptionNames.Key(property.Name), parts.SummaryOf(record.GetType(), property), OptionText.Describe(property.PropertyType),
            Default(property), Allowed(property));

    private string Default(PropertyInfo property) => ConfigYaml.WriteInline(OptionsWriter.Brief(property.GetValue(record)));

    // The range stands in Validate alone. Values that no range contains make the record say it.
    private string Allowed(PropertyInfo property)
    {
        if (record is not IOptionsRecord options || options.GetType().GetMethod("<Clone>$") is not { } clone) return "";
        foreach (var extreme in Extremes(property.PropertyType))
        {
            var probe = (IOptionsRecord)clone.Invoke(options, null)!;
            property.SetValue(probe, extreme);
            try
            {
                if (probe.Validate().FirstOrDefault(p => p.Field == property.Name) is { } problem) return problem.Allowed;
            }
            catch (Exception e) when (e is ArithmeticException or ArgumentException or IndexOutOfRangeException)
            {
                // A check that computes with the value before it refuses it: the range stays unsaid.
                return "";
            }
        }
        return "";
    }

    private static IEnumerable<object> Extremes(Type type) => (Nullable.GetUnderlyingType(type) ?? type) switch
    {
        var t when t == typeof(double) => [double.NaN],
        var t when t == typeof(float) => [float.NaN],
        var t when t == typeof(int) => [int.MinValue, int.MaxValue],
        var t when t == typeof(long) => [long.MinValue, long.MaxValue],
        var t when t == typeof(string) => ["\u0001"],
        _ => [],
    };
}
