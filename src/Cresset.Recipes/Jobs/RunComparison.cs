using Cresset.Runs;

namespace Cresset.Recipes;

/// <summary>What keeps figures of runs from being held against each other.</summary>
public static class RunComparison
{
    /// <summary>
    /// Says which of the runs that were to learn from the same data found others, since files changed between them, and of which runs that
    /// is not known, since their note of the data (data.json) is damaged, unreadable or gone. Empty where there is nothing to say. Runs
    /// whose folders are not here (of other hosts), and runs that noted no data beside others that noted none, are passed over.
    /// </summary>
    /// <param name="store">The store of the runs.</param>
    /// <param name="runs">The runs.</param>
    public static IReadOnlyList<string> DataNotices(RunStore store, IEnumerable<RunInfo> runs)
    {
        var (differing, unknown) = Look(store, runs);
        return [.. differing, .. unknown];
    }

    internal static (IReadOnlyList<string> Differing, IReadOnlyList<string> Unknown) Look(RunStore store, IEnumerable<RunInfo> runs)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(runs);
        var (differing, unknown) = (new List<string>(), new List<string>());
        foreach (var same in runs.GroupBy(run => DataOf(store.Config(run.Id))))
        {
            var all = same.Select(run => (Run: run, Noted: RunData.FingerprintOf(run.Folder))).ToList();
            var found = all.Where(run => run.Noted.Print is not null).ToList();
            foreach (var (run, (print, problem)) in all)
            {
                // A run that ended before it learned anything noted nothing.
                var lacks = print is null && problem is null && found.Count > 0 && Directory.Exists(run.Folder)
                    && run.Status is (RunStatus.Finished or RunStatus.Stopped);
                if (problem is not null || lacks)
                    unknown.Add($"{run.Id}: {problem ?? "its folder holds no note of its data (data.json)"}, so it is not known whether it "
                        + "learned from the same data as the others.");
            }
            if (found.FirstOrDefault(run => run.Noted.Print != found[0].Noted.Print) is { Noted.Print: { } other } changed)
                differing.Add($"{changed.Run.Id} learned from another state of the data than {found[0].Run.Id}: "
                    + $"{other.DifferenceFrom(found[0].Noted.Print!)}. Their figures cannot be compared.");
        }
        return (differing, unknown);
    }

    // Runs that name other data are told apart by their settings already; a fingerprint is of all parts, whatever the split.
    private static string DataOf(IReadOnlyDictionary<string, string> config) => string.Join('\n', config
        .Where(c => c.Key.StartsWith("data.", StringComparison.Ordinal) && !c.Key.StartsWith("data.split", StringComparison.Ordinal))
        .OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => $"{c.Key}={c.Value}"));
}
