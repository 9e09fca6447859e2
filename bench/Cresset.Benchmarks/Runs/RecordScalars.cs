using System.Diagnostics;
using Cresset.Runs;
using Microsoft.Data.Sqlite;

namespace Cresset.Benchmarks.Runs;

/// <summary>
/// Recording 1,000,000 scalars (20 series of 50,000) and reading zooms of a series of 1,000,000 points. The other side, in the same run:
/// the same points as one SQLite row each (WAL, a commit each 2,000), which is how row stores of metrics work.
/// </summary>
internal static class RecordScalars
{
    private const int Tags = 20, Steps = 50_000;

    public static int Run(string[] args)
    {
        var rounds = args.Length > 0 ? int.Parse(args[0]) : 5;
        var folder = Directory.CreateTempSubdirectory("cresset-bench-").FullName;
        try
        {
            List<(double Wall, double Cpu)> ours = [], withEvents = [], rows = [];
            double size = 0, rowSize = 0;
            // The first round warms up.
            for (var round = 0; round <= rounds; round++)
            {
                var results = new[] { Record(folder, false, out size), Record(folder, true, out _), RowAPoint(folder, out rowSize) };
                if (round == 0) continue;
                ours.Add(results[0]);
                withEvents.Add(results[1]);
                rows.Add(results[2]);
            }
            Show("store", ours, size);
            Show("store + event file", withEvents, size);
            Show("one row per point", rows, rowSize);
            Console.WriteLine($"ratio of CPU seconds, row per point / store: {Median(rows, r => r.Cpu) / Median(ours, r => r.Cpu):0.0}");
            Console.WriteLine($"ratio of wall seconds, row per point / store: {Median(rows, r => r.Wall) / Median(ours, r => r.Wall):0.0}");
            Console.WriteLine($"share of the limit of 3 s, store + event file: {Median(withEvents, r => r.Wall) / 3:P0}");
            CostOfACall(folder);
            Zooms(folder, rounds);
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static (double Wall, double Cpu) Record(string folder, bool events, out double megabytes)
    {
        var target = Directory.CreateDirectory(Path.Combine(folder, Guid.NewGuid().ToString("N"))).FullName;
        var tags = TagNames();
        using var store = RunStore.Open(target);
        var run = store.Begin(new RunDescription { Name = "bench", WriteEventFile = events });
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        var clock = Stopwatch.StartNew();
        for (var step = 0; step < Steps; step++)
        {
            for (var tag = 0; tag < Tags; tag++) run.Scalar(tags[tag], step, (float)Math.Sin(step + tag));
        }
        run.Finish(RunStatus.Finished);
        var result = (clock.Elapsed.TotalSeconds, (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds);
        megabytes = new FileInfo(store.DatabasePath).Length / 1e6;
        return result;
    }

    private static (double Wall, double Cpu) RowAPoint(string folder, out double megabytes)
    {
        var path = Path.Combine(folder, Guid.NewGuid().ToString("N") + ".db");
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        Execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE points (tag INTEGER, step INTEGER, time INTEGER, value "
                + "REAL)");
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        var clock = Stopwatch.StartNew();
        using var insert = connection.CreateCommand();
        insert.CommandText = "INSERT INTO points VALUES ($0, $1, $2, $3)";
        var parameters = Enumerable.Range(0, 4).Select(i => insert.Parameters.AddWithValue($"${i}", 0L)).ToArray();
        Execute("BEGIN");
        for (var i = 0; i < Tags * Steps; i++)
        {
            parameters[0].Value = i % Tags;
            parameters[1].Value = i / Tags;
            parameters[2].Value = DateTime.UtcNow.Ticks;
            parameters[3].Value = Math.Sin(i);
            insert.ExecuteNonQuery();
            if (i % 2000 == 1999) Execute("COMMIT; BEGIN");
        }
        Execute("COMMIT");
        var result = (clock.Elapsed.TotalSeconds, (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds);
        Execute("PRAGMA wal_checkpoint(TRUNCATE)");
        megabytes = new FileInfo(path).Length / 1e6;
        return result;

        void Execute(string sql)
        {
            using var command = connection.CreateCommand();
            command.CommandText = sql;
            command.ExecuteNonQuery();
        }
    }

    // As a trainer calls: a burst of twenty scalars, then other work.
    private static void CostOfACall(string folder)
    {
        var tags = TagNames();
        using var store = RunStore.Open(Path.Combine(folder, "calls"));
        using var run = store.Begin("calls", "bench");
        var bursts = new List<double>();
        for (var step = 0; step < 4000; step++)
        {
            var start = Stopwatch.GetTimestamp();
            foreach (var tag in tags) run.Scalar(tag, step, step);
            bursts.Add(Stopwatch.GetElapsedTime(start).TotalNanoseconds / Tags);
            Thread.SpinWait(20_000);
        }
        run.Finish(RunStatus.Finished);
        bursts.Sort();
        Console.WriteLine(
            $"cost of a call on the caller's thread: median {bursts[bursts.Count / 2]:0} ns, 99th percentile "
                + $"{bursts[bursts.Count * 99 / 100]:0} ns");
    }

    private static void Zooms(string folder, int rounds)
    {
        using var store = RunStore.Open(Path.Combine(folder, "zoom"));
        using var run = store.Begin("zoom", "bench");
        for (var step = 0; step < 1_000_000; step++) run.Scalar("x", step, Math.Sin(step * 1e-4) + (step % 977 == 0 ? 3 : 0));
        run.Finish(RunStatus.Finished);
        foreach (var (from, to) in new[] { (0, 999_999), (250_000, 500_000), (500_000, 510_000), (999_000, 999_999) })
        {
            var times = new List<double>();
            var found = 0;
            for (var round = 0; round < 4 * rounds; round++)
            {
                var start = Stopwatch.GetTimestamp();
                found = store.ReadSeries(run.Id, "x", from, to, 1000).Count;
                times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
            times.Sort();
            Console.WriteLine(
                $"zoom to steps {from}..{to} in {found} buckets: median {times[times.Count / 2]:0.00} ms, best {times[0]:0.00} ms");
        }
        var all = Stopwatch.GetTimestamp();
        var count = store.ReadSeries(run.Id, "x").Count;
        Console.WriteLine($"all {count} points: {Stopwatch.GetElapsedTime(all).TotalMilliseconds:0} ms");
    }

    private static string[] TagNames() => [.. Enumerable.Range(0, Tags).Select(i => $"group/metric-{i}")];

    private static void Show(string name, List<(double Wall, double Cpu)> results, double megabytes)
        => Console.WriteLine(
            $"{name}: median {Median(results, r => r.Wall):0.00} s wall, {Median(results, r => r.Cpu):0.00} s CPU, best "
                + $"{results.Min(r => r.Wall):0.00} s wall; {megabytes:0.0} MB");

    private static double Median(List<(double Wall, double Cpu)> results, Func<(double Wall, double Cpu), double> pick)
        => results.Select(pick).Order().ElementAt(results.Count / 2);
}
