using System.Reflection;
using System.Text;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>How the properties of option records are called in recipes and overrides.</summary>
internal static class OptionNames
{
    /// <summary>The properties that a recipe may set, base types first, in the order of their declaration.</summary>
    public static IReadOnlyList<PropertyInfo> Properties(Type record)
        => [.. record.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.CanWrite && p.GetIndexParameters().Length == 0)
            .DistinctBy(p => p.Name)
            .OrderBy(p => Depth(p.DeclaringType!)).ThenBy(p => p.MetadataToken)];

    /// <summary>The properties by key.</summary>
    public static IReadOnlyDictionary<string, PropertyInfo> Keys(Type record) => Properties(record).ToDictionary(p => Key(p.Name));

    /// <summary>"LearningRate" to "learning_rate".</summary>
    public static string Key(string name)
    {
        var text = new StringBuilder();
        for (var i = 0; i < name.Length; i++)
        {
            if (char.IsUpper(name[i]) && i > 0 && (!char.IsUpper(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1]))))
                text.Append('_');
            text.Append(char.ToLowerInvariant(name[i]));
        }
        return text.ToString();
    }

    /// <summary>The kind of part that a property of this type holds; null for other values.</summary>
    public static string? PartKind(Type type) => PartCatalog.KindOf(type);

    /// <summary>The part that a text stands for which names none, as the head of its kind makes it; null where it makes none.</summary>
    public static object? PartOfText(PartCatalog parts, string kind, string text) => PartOfText(parts, kind, text, out _);

    /// <summary>As above; where the head of the kind refuses the text, <paramref name="problem"/> says why.</summary>
    public static object? PartOfText(PartCatalog parts, string kind, string text, out string? problem)
    {
        problem = null;
        for (var type = parts.Of(kind).FirstOrDefault()?.Type; type is not null; type = type.BaseType)
        {
            if (type.GetCustomAttribute<PartKindAttribute>(inherit: false) is not { } head) continue;
            if (head.FromText is not { } method) return null;
            try
            {
                return type.GetMethod(method, [typeof(string)])!.Invoke(null, BindingFlags.DoNotWrapExceptions, null, [text], null);
            }
            catch (Exception e) when (e is FormatException or ArgumentException)
            {
                problem = e is ArgumentException { ParamName: { } name }
                    ? e.Message.Replace($" (Parameter '{name}')", "", StringComparison.Ordinal) : e.Message;
                return null;
            }
        }
        return null;
    }

    private static int Depth(Type type)
    {
        var depth = 0;
        for (var current = type; current.BaseType is { } next; current = next) depth++;
        return depth;
    }
}
