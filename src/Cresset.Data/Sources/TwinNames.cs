using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>Says which classes of a data set a person would take for one.</summary>
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
        => LookAlikeNames.Describe(classes) is { } alike ? $"{name}: {what} {alike}; they are classes of their own." : null;
}
