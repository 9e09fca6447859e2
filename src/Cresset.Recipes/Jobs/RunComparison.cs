using Cresset.Runs;

namespace Cresset.Recipes;

/// <summary>What keeps figures of runs from being held against each other.</summary>
public static class RunComparison
{
    /// <summary>
    /// Says which of the runs that were to learn from the same data found others, since files changed between them. Null where there is
    /// none. Runs whose folders are not here (of other hosts), or that noted no data, are passed over.
    /// </summary>
    /// <param name="store">The store of the runs.</param>
    /// <param name="runs">The runs.</param>
    public static string? DataNotice(RunStore store, IEnumerable<RunInfo> runs)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(runs);
        foreach (var same in runs.GroupBy(run => DataOf(store.Config(run.Id))))
        {
            var found = same.Select(run => (run.Id, Print: RunData.FingerprintOf(run.Folder))).Where(run => run.Print is not null).ToList();
            var other = found.FirstOrDefault(run => run.Print != found[0].Print);
            if (other.Print is not null)
            {
                return $"{other.Id} learned from another state of the data than {found[0].Id}: "
                    + $"{other.Print.DifferenceFrom(found[0].Print!)}. Their figures cannot be compared.";
            }
        }
        return null;
    }

    // Runs that name other data are told apart by their settings already; a fingerprint is of all parts, whatever the split.
    private static string DataOf(IReadOnlyDictionary<string, string> config) => string.Join('\n', config
        .Where(c => c.Key.StartsWith("data.", StringComparison.Ordinal) && !c.Key.StartsWith("data.split", StringComparison.Ordinal))
        .OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => $"{c.Key}={c.Value}"));
}
