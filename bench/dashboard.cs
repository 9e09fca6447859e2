#:project ../src/Cresset.Dashboard/Cresset.Dashboard.csproj
#:property IsPackable=false
#:property PublishAot=false
#:property JsonSerializerIsReflectionEnabledByDefault=true

// How fast the dashboard answers: dotnet run -c Release bench/dashboard.cs
// Stores are made in a temporary folder; the server is a process of its own, so that its memory is its own. Times are the median of nine
// requests over loopback, the reading of the answer included.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Cresset.Dashboard;
using Cresset.Runs;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is ["serve", var served])
{
    await using var server = await DashboardServer.Start(new DashboardOptions { Folder = served, Port = 0 });
    Console.WriteLine(server.Address);
    Console.In.ReadToEnd();
    return;
}
var root = Directory.CreateTempSubdirectory("cresset-bench-").FullName;
try
{
    // `make FOLDER` leaves the stores there, to look at them in a browser or to measure another program on their event files.
    var keep = args is ["make", _];
    if (keep) root = Directory.CreateDirectory(args[1]).FullName;
    var hundred = Make("hundred", runs: 100, tags: 1, points: 10_000, events: true);
    var thousand = Make("thousand", runs: 1000, tags: 10, points: 20);
    var long1 = Make("long", runs: 1, tags: 1, points: 1_000_000);
    if (keep) return;

    await Measure("1,000,000 points in 100 runs", hundred, async (client, ids) =>
    {
        await Time(client, "list", "/api/runs");
        await Time(client, "all 100 curves over each other, 600 buckets each", Curves(ids, "loss0", "&most=600"));
        await Time(client, "all 100 curves, a zoom of a tenth", Curves(ids, "loss0", "&most=600&from=4000&to=5000"));
        await Time(client, "one curve, smoothed over every point", Curves(ids[..1], "loss0", "&most=800&smooth=0.9"));
    });
    await Measure("1,000 runs of 10 series", thousand, async (client, _) =>
    {
        await Time(client, "list", "/api/runs");
        await Time(client, "figures of all series", "/api/figures");
    });
    await Measure("one series of 1,000,000 points", long1, async (client, ids) =>
    {
        await Time(client, "whole", Curves(ids, "loss0", "&most=800"));
        await Time(client, "zoom of 100,000", Curves(ids, "loss0", "&most=800&from=500000&to=600000"));
        await Time(client, "zoom of 1,000", Curves(ids, "loss0", "&most=800&from=500000&to=501000"));
        await Time(client, "whole, smoothed", Curves(ids, "loss0", "&most=800&smooth=0.9"));
    });
    await Watched(Path.Combine(root, "live"));
}
finally
{
    if (args is not ["make", _]) Directory.Delete(root, recursive: true);
}

// With events, TensorBoard can be given the same data.
string Make(string name, int runs, int tags, int points, bool events = false)
{
    var folder = Path.Combine(root, name);
    using var store = RunStore.Open(folder);
    for (var r = 0; r < runs; r++)
    {
        using var run = store.Begin(
            new RunDescription { Name = "run", Kind = "bench", WriteEventFile = events,
                Config = new Dictionary<string, string> { ["lr"] = $"{r}", ["trainer.steps"] = $"{points}" } });
        for (var i = 0; i < points; i++) for (var t = 0; t < tags; t++) run.Scalar($"loss{t}", i, Math.Sin(i * 0.01) + r);
        run.Finish(RunStatus.Finished, new Dictionary<string, double> { ["loss"] = r });
    }
    return folder;
}

static string Curves(IReadOnlyList<string> ids, string tag, string more) =>
    $"/api/curves?form=binary&tag={tag}{more}&" + string.Join('&', ids.Select(id => "run=" + id));

static async Task Measure(string title, string folder, Func<HttpClient, string[], Task> measure)
{
    Console.WriteLine(title);
    var clock = Stopwatch.StartNew();
    using var server =
        Process.Start(
            new ProcessStartInfo(Environment.ProcessPath!, ["serve", folder]) { RedirectStandardInput = true,
                RedirectStandardOutput = true })!;
    using var client = new HttpClient { BaseAddress = new Uri((await server.StandardOutput.ReadLineAsync())!) };
    var list = await client.GetByteArrayAsync(new Uri("/api/runs", UriKind.Relative));
    Console.WriteLine($"  {"start of the process to its first list",-52} {clock.Elapsed.TotalMilliseconds,8:0.0} ms");
    using var json = JsonDocument.Parse(list);
    await measure(client, [.. json.RootElement.GetProperty("runs").EnumerateArray().Select(r => r.GetProperty("id").GetString()!)]);
    server.Refresh();
    Console.WriteLine($"  {"peak memory of the server",-52} {server.PeakWorkingSet64 / 1e6,8:0} MB");
    server.StandardInput.Close();
    await server.WaitForExitAsync();
}

static async Task Time(HttpClient client, string what, string path)
{
    var times = new List<double>();
    var bytes = 0;
    for (var i = 0; i < 9; i++)
    {
        var clock = Stopwatch.StartNew();
        bytes = (await client.GetByteArrayAsync(new Uri(path, UriKind.Relative))).Length;
        times.Add(clock.Elapsed.TotalMilliseconds);
    }
    times.Sort();
    Console.WriteLine($"  {what,-52} {times[4],8:0.0} ms  {bytes / 1e3,8:0} kB");
}

// A recorder of 1,000 points per second while twelve readers follow it: what a call costs, and whether every point arrives.
static async Task Watched(string folder)
{
    Console.WriteLine("1,000 points per second for five seconds");
    foreach (var readers in (int[])[0, 12])
    {
        using var store = RunStore.Open(folder);
        await using var server = await DashboardServer.Start(new DashboardOptions { Folder = folder, Port = 0 });
        using var run = store.Begin(new RunDescription { Name = "live", Kind = "bench" });
        using var end = new CancellationTokenSource();
        var following = Enumerable.Range(0, readers).Select(_ => Task.Run(() => Follow(server.Address, run.Id, end.Token))).ToList();
        var spent = 0L;
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < 5000; i++)
        {
            while (clock.Elapsed.TotalMilliseconds < i) Thread.Sleep(1);
            var before = Stopwatch.GetTimestamp();
            run.Scalar("loss", i, i);
            spent += Stopwatch.GetTimestamp() - before;
        }
        var took = clock.Elapsed.TotalSeconds;
        run.Flush();
        var stored = store.Series(run.Id)[0].Count;
        await end.CancelAsync();
        await Task.WhenAll(following);
        run.Finish(RunStatus.Finished);
        Console.WriteLine(
            $"  {readers,2} readers: {took:0.00} s, {spent / (double)Stopwatch.Frequency / 5000 * 1e6:0.00} us a call, {stored} of 5000 "
                + $"points stored, {following.Sum(f => f.Result)} curves answered");
    }
}

static async Task<int> Follow(Uri address, string id, CancellationToken cancellation)
{
    using var client = new HttpClient { BaseAddress = address };
    var answered = 0;
    try
    {
        using var stream = new StreamReader(await client.GetStreamAsync(new Uri("/api/live", UriKind.Relative), cancellation));
        while (await stream.ReadLineAsync(cancellation) is { } line)
        {
            if (!line.StartsWith("data:", StringComparison.Ordinal)) continue;
            await client.GetByteArrayAsync(new Uri($"/api/curves?run={id}&tag=loss", UriKind.Relative), cancellation);
            answered++;
        }
    }
    catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
    {
        // The measurement is over.
    }
    return answered;
}
