using System.Security.Cryptography;
using Cresset.Runs;

namespace Cresset.Dashboard;

/// <summary>
/// Tells which runs changed. It keeps no queue: every reader asks what is newer than the version it knows, so a slow reader or one that
/// comes back misses nothing and costs nothing.
/// </summary>
internal sealed class LiveFeed(IRunSource source, TimeSpan interval)
{
    private readonly Lock _changing = new();
    private readonly string _epoch = RandomNumberGenerator.GetHexString(8, lowercase: true);
    private readonly Dictionary<string, long> _changed = [];
    private IReadOnlyDictionary<string, string> _marks = new Dictionary<string, string>();
    private TaskCompletionSource _pulse = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string? _problem;
    private bool _looked;
    private long _version;
    private int _readers;

    /// <summary>The present version: what a list of now already shows.</summary>
    public string Version
    {
        get
        {
            lock (_changing) return Name(_version);
        }
    }

    /// <summary>How many streams are open: one for all tabs of a browser, none for hidden ones.</summary>
    public int Readers => Volatile.Read(ref _readers);

    /// <summary>Looks for changes while anybody reads.</summary>
    public async Task Watch(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(interval);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false))
            {
                if (Volatile.Read(ref _readers) > 0) Look();
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The server ends.
        }
    }

    /// <summary>Changes after a version, again and again; waits where there are none. Null means: still there, nothing new.</summary>
    public async IAsyncEnumerable<LiveChange?> Read(string? since, TimeSpan patience,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        Interlocked.Increment(ref _readers);
        try
        {
            var known = Parse(since);
            while (!cancellation.IsCancellationRequested)
            {
                LiveChange? change;
                Task pulse;
                lock (_changing)
                {
                    (change, pulse) = (After(known), _pulse.Task);
                    if (change is not null) known = _version;
                }
                if (change is not null)
                {
                    yield return change;
                    continue;
                }
                var quiet = false;
                try
                {
                    await pulse.WaitAsync(patience, cancellation).ConfigureAwait(false);
                }
                catch (TimeoutException)
                {
                    quiet = true;
                }
                if (quiet) yield return null;
            }
        }
        finally
        {
            Interlocked.Decrement(ref _readers);
        }
    }

    /// <summary>Compares the store with what was seen last.</summary>
    internal void Look()
    {
        IReadOnlyDictionary<string, string>? marks = null;
        string? problem = null;
        try
        {
            marks = source.Marks();
        }
        catch (Exception e) when (e is IOException or InvalidDataException or ArgumentException or UnauthorizedAccessException)
        {
            // Said to every reader; the next look may find it well again.
            problem = e.Message;
        }
        lock (_changing)
        {
            var changed = marks is null ? []
                : marks.Where(m => !_marks.TryGetValue(m.Key, out var before) || before != m.Value).Select(m => m.Key)
                .Concat(_marks.Keys.Where(id => !marks.ContainsKey(id))).ToList();
            var first = !_looked && marks is not null;
            if (marks is not null) (_marks, _looked) = (marks, true);
            if (changed.Count == 0 && problem == _problem) return;
            _problem = problem;
            _version++;
            // The first look knows nothing of what was before: lists that were made earlier hold the version before this one and are told
            // all.
            foreach (var id in changed) _changed[id] = _version;
            if (first && changed.Count == 0) return;
            var pulse = _pulse;
            _pulse = new(TaskCreationOptions.RunContinuationsAsynchronously);
            pulse.SetResult();
        }
    }

    private LiveChange? After(long known) => known == _version ? null
        : known < 0 || known > _version ? new LiveChange(Name(_version), true, [], _problem)
        : new LiveChange(Name(_version), false, [.. _changed.Where(c => c.Value > known).Select(c => c.Key)], _problem);

    private string Name(long version) => FormattableString.Invariant($"{_epoch}-{version}");

    private long Parse(string? name) =>
        name is not null && name.StartsWith(_epoch + "-", StringComparison.Ordinal)
            && long.TryParse(name.AsSpan(_epoch.Length + 1), out var version) ? version : -1;
}

/// <summary>What changed.</summary>
/// <param name="Version">The version that is reached with it.</param>
/// <param name="All">Anything may have changed: the reader comes from before this server started.</param>
/// <param name="Runs">Ids of the runs that changed.</param>
/// <param name="Problem">Why the store cannot be read, or null.</param>
internal sealed record LiveChange(string Version, bool All, IReadOnlyList<string> Runs, string? Problem);
