namespace Cresset.Data;

/// <summary>Finds classes that a person would take for one: "Cat" and "cat", a blank at the end.</summary>
internal static class TwinNames
{
    /// <summary>A line for the classes of a data set and for each column of classes that has such names.</summary>
    public static IEnumerable<string> Notes(DataFacts facts)
    {
        if (Note(facts.Name, "the classes", facts.Classes) is { } classes) yield return classes;
        foreach (var column in facts.Table?.Columns ?? [])
        {
            if (column.Levels is { } levels && Note(facts.Name, $"the classes of column '{column.Name}',", levels) is { } note)
                yield return note;
        }
    }

    private static string? Note(string name, string what, IReadOnlyList<string> classes)
    {
        var twins = classes.GroupBy(Plain).Where(g => g.Count() > 1).Select(g => string.Join(" and ", g.Select(n => $"'{n}'"))).ToList();
        return twins.Count == 0 ? null
            : $"{name}: {what} {string.Join(", ", twins.Take(5))}{(twins.Count > 5 ? " ..." : "")} differ in case or blanks alone; "
            + "they are classes of their own.";
    }

    private static string Plain(string name) => string.Concat(name.Where(c => !char.IsWhiteSpace(c))).ToUpperInvariant();
}
