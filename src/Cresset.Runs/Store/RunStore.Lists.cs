using Cresset.Numerics;
using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

public sealed partial class RunStore
{
    private const string NewestFirst = "SELECT id, name FROM runs WHERE deleted IS NULL ORDER BY created DESC, key DESC";
    private const string Columns = "key, id, name, kind, status, created, ended, heartbeat, active, sessions, host, process, process_key, "
        + "note, message, archived";

    /// <summary>The runs that a query asks for, in its order.</summary>
    /// <param name="query">Which; all that are not archived when null.</param>
    /// <param name="bad">Takes up the rows that cannot be read; without it one such row is refused with all others.</param>
    /// <exception cref="ArgumentException">Its condition is not one.</exception>
    public IReadOnlyList<RunInfo> List(RunQuery? query = null, ICollection<BadRow>? bad = null)
    {
        query ??= new RunQuery();
        var runs = _connections.Read(connection => ReadAll(connection, bad)).Where(run => Matches(run, query));
        if (!string.IsNullOrWhiteSpace(query.Where)) runs = Fitting([.. runs], RunFilter.Parse(query.Where));
        runs = query.Order switch
        {
            RunOrder.Name => By(runs, run => run.Name, StringComparer.OrdinalIgnoreCase),
            RunOrder.Kind => By(runs, run => run.Kind, StringComparer.OrdinalIgnoreCase),
            RunOrder.Status => By(runs, run => run.Status, null),
            RunOrder.ActiveTime => By(runs, run => run.ActiveTime, null),
            RunOrder.Figure => ByFigure(runs.ToList(), query),
            _ => By(runs, run => run.Created, null),
        };
        return (query.Limit is { } limit ? runs.Take(limit) : runs).ToList();

        IEnumerable<RunInfo> By<T>(IEnumerable<RunInfo> all, Func<RunInfo, T> key, IComparer<T>? comparer) => query.Descending
            ? all.OrderByDescending(key, comparer).ThenByDescending(run => run.Created)
            : all.OrderBy(key, comparer).ThenBy(run => run.Created);
    }

    /// <summary>
    /// Settings, figures and series that the condition or the order of a query names and that no run here has (a mistyped one gives an
    /// empty list): a sentence each, with the nearest name. Empty where there are no runs.
    /// </summary>
    /// <exception cref="ArgumentException">Its condition is not one.</exception>
    public IReadOnlyList<string> UnknownKeys(RunQuery query)
    {
        ArgumentNullException.ThrowIfNull(query);
        var keys = new List<string>();
        if (!string.IsNullOrWhiteSpace(query.Where)) keys.AddRange(RunFilter.Parse(query.Where).Keys);
        if (query is { Order: RunOrder.Figure, OrderKey: { Length: > 0 } order }) keys.Add(order);
        if (keys.Count == 0 || List(new RunQuery { IncludeArchived = true }) is not { Count: > 0 } runs) return [];
        var (config, figures) = _connections.Read(connection => (
            connection.Query("SELECT DISTINCT key FROM config", r => r.GetString(0)),
            connection.Query("SELECT DISTINCT tag FROM series", r => r.GetString(0))));
        var settings = config.ToDictionary(key => key, _ => "");
        var results = figures.Concat(runs.SelectMany(run => run.Summary.Keys)).Distinct().ToDictionary(key => key, _ => 0.0);
        var names = results.Keys.Concat(settings.Keys).Concat(settings.Keys.Select(key => key[(key.LastIndexOf('.') + 1)..]));
        return [.. keys.Where(key => !RunFilter.Has(key, settings, results)).Distinct()
            .Select(key => $"no run here has a setting, figure or series '{key}'.{NearestName.Suggest(key, names)}")];
    }

    /// <summary>The run with exactly this id.</summary>
    /// <param name="id">The run.</param>
    /// <param name="bad">Takes up figures that cannot be read; without it one such row is refused.</param>
    /// <exception cref="RunNotFoundException">There is none.</exception>
    public RunInfo Get(string id, ICollection<BadRow>? bad = null)
    {
        var found = _connections.Read(
            connection =>
                Complete(connection,
                    connection.Rows("run", $"SELECT {Columns} FROM runs WHERE id = $0 AND deleted IS NULL", ReadRow, null, id), bad));
        return found is [var run] ? run : throw Missing(id);
    }

    /// <summary>
    /// The run that a text means: an id, a name (the newest run of that name), the word <c>latest</c>, or the beginning or end of exactly
    /// one id.
    /// </summary>
    /// <exception cref="RunNotFoundException">No run fits (the message names the nearest), or several do.</exception>
    public RunInfo Find(string text)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        var ids = Ids();
        if (ids.Find(run => run.Id == text) is { Id: not null } same) return Get(same.Id);
        // Newest first, so the first of a name is the one meant.
        if (ids.Find(run => run.Name == text) is { Id: not null } named) return Get(named.Id);
        if (text == "latest" && ids.Count > 0) return Get(ids[0].Id);
        var fitting =
            ids.Where(
                run => run.Id.StartsWith(text, StringComparison.OrdinalIgnoreCase)
                    || run.Id.EndsWith(text, StringComparison.OrdinalIgnoreCase)).Select(run => run.Id).ToList();
        return fitting switch
        {
            [] => throw Missing(text),
            [var one] => Get(one),
            _ => throw new RunNotFoundException(
                $"'{text}' fits {fitting.Count} runs: {string.Join(", ", fitting.Take(5))}{(fitting.Count > 5 ? ", …" : "")}. Give more of "
                    + $"the id.", fitting),
        };
    }

    private RunNotFoundException Missing(string text)
    {
        // A name that cannot be a run's is not what was meant.
        var ids = _connections.Read(connection => connection.Query(NewestFirst, r => (Id: r.GetString(0), Name: r.GetString(1))))
            .FindAll(run => RunFolder.IsId(run.Id));
        if (ids.Count == 0) return new($"There is no run '{text}': no runs are recorded in '{Folder}' yet.", []);
        var near = NearestName.Find(text, ids.Select(run => run.Id).Concat(ids.Select(run => run.Name)));
        return new($"There is no run '{text}' in '{Folder}'."
            + (near is null ? $" The newest is '{ids[0].Id}'." : $" Did you mean '{near}'?"), near is null ? [] : [near]);
    }

    private List<(string Id, string Name)> Ids() => _connections.Read(connection =>
        connection.Query(NewestFirst, r => (RunFolder.CheckId(r.GetString(0)), r.GetString(1))));

    private List<RunInfo> ReadAll(SqliteConnection connection, ICollection<BadRow>? bad)
        => Complete(connection, connection.Rows("run", $"SELECT {Columns} FROM runs WHERE deleted IS NULL", ReadRow, bad), bad);

    private static List<RunInfo> Complete(SqliteConnection connection, List<(long Key, RunInfo Run)> rows, ICollection<BadRow>? bad)
    {
        var one = rows is [var single] ? single.Key : (long?)null;
        var tags = connection.Query("SELECT run, tag FROM tags WHERE $0 IS NULL OR run = $0 ORDER BY tag",
            r => (Run: r.GetInt64(0), Tag: r.GetString(1)), one).ToLookup(r => r.Run, r => r.Tag);
        var figures = connection.Rows(
            "figure of a run", "SELECT run, key, value FROM summary WHERE $0 IS NULL OR run = $0 ORDER BY run, place, key",
            r => (Run: r.GetInt64(0), Name: r.GetString(1), Value: r.DoubleOrNaN(2)), bad, one).ToLookup(r => r.Run);
        return rows.ConvertAll(row => row.Run with
        {
            Tags = tags[row.Key].ToList(),
            Summary = figures[row.Key].ToDictionary(figure => figure.Name, figure => figure.Value),
        });
    }

    private (long Key, RunInfo Run) ReadRow(SqliteDataReader r)
    {
        var host = r.GetString(10);
        var process = checked((int)r.Whole(11));
        var heartbeat = r.Time(7);
        var status = Enum.TryParse<RunStatus>(r.GetString(4), ignoreCase: true, out var said) && Enum.IsDefined(said) ? said
            : throw new InvalidDataException($"'{r.GetString(4)}' is not a status.");
        if (status == RunStatus.Running && !Liveness.IsAlive(host, process, r.GetString(12), heartbeat)) status = RunStatus.Interrupted;
        var id = r.GetString(1);
        return (r.GetInt64(0), new RunInfo
        {
            Id = id,
            Name = r.GetString(2),
            Kind = r.GetString(3),
            Status = status,
            Created = r.Time(5),
            Ended = r.IsDBNull(6) ? null : r.Time(6),
            Heartbeat = heartbeat,
            ActiveTime = TimeSpan.FromMicroseconds(r.Whole(8)),
            Sessions = checked((int)r.Whole(9)),
            Host = host,
            ProcessId = process,
            Note = r.GetString(13),
            Message = r.GetString(14),
            Archived = r.Whole(15) != 0,
            Folder = FolderOf(id),
        });
    }

    // Settings and last values of all runs are read at once: one by one would take a second for a thousand.
    private List<RunInfo> Fitting(List<RunInfo> runs, RunFilter filter)
    {
        var (config, figures) = _connections.Read(connection => (
            connection.Query("SELECT runs.id, config.key, config.value FROM config JOIN runs ON runs.key = config.run",
                r => (Id: r.GetString(0), Key: r.GetString(1), Value: r.GetString(2))).ToLookup(r => r.Id),
            connection.Query("SELECT runs.id, series.tag, series.final_value FROM series JOIN runs ON runs.key = series.run",
                r => (Id: r.GetString(0), Key: r.GetString(1), Value: r.DoubleOrNaN(2))).ToLookup(r => r.Id)));
        return runs.FindAll(run =>
        {
            var values = figures[run.Id].ToDictionary(f => f.Key, f => f.Value);
            foreach (var (name, value) in run.Summary) values[name] = value;
            return filter.Accepts(run, config[run.Id].ToDictionary(c => c.Key, c => c.Value), values);
        });
    }

    private static bool Matches(RunInfo run, RunQuery query)
        => (query.IncludeArchived || !run.Archived)
        && (query.Name is null || run.Name == query.Name)
        && (query.Kind is null || run.Kind == query.Kind)
        && (query.Status is null || run.Status == query.Status)
        && (query.Tag is null || run.Tags.Contains(query.Tag))
        && (string.IsNullOrEmpty(query.Text)
            || run.Tags.Append(run.Id).Append(run.Name).Append(run.Kind).Append(run.Note)
                .Any(text => text.Contains(query.Text, StringComparison.OrdinalIgnoreCase)));

    private List<RunInfo> ByFigure(List<RunInfo> runs, RunQuery query)
    {
        ArgumentException.ThrowIfNullOrEmpty(query.OrderKey);
        var last = _connections.Read(connection => connection.Query(
            "SELECT runs.id, series.final_value FROM series JOIN runs ON runs.key = series.run WHERE series.tag = $0",
            r => (Id: r.GetString(0), Value: r.DoubleOrNaN(1)), query.OrderKey))
            .ToDictionary(row => row.Id, row => row.Value);
        var keyed = runs.ConvertAll(
            run => (Run: run,
                Value: run.Summary.TryGetValue(query.OrderKey, out var value) || last.TryGetValue(run.Id, out value) ? value : double.NaN));
        var known = keyed.Where(pair => !double.IsNaN(pair.Value));
        return (query.Descending ? known.OrderByDescending(pair => pair.Value) : known.OrderBy(pair => pair.Value))
            .Concat(keyed.Where(pair => double.IsNaN(pair.Value))).Select(pair => pair.Run).ToList();
    }

    private static long KeyOf(SqliteConnection connection, string id)
        => connection.Query("SELECT key FROM runs WHERE id = $0 AND deleted IS NULL", r => r.GetInt64(0), id) is [var key] ? key : -1;
}
