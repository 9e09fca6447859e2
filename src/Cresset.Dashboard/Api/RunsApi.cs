using System.Globalization;
using Cresset.Runs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cresset.Dashboard;

/// <summary>Lists of runs and everything known of one.</summary>
internal static class RunsApi
{
    public static void Map(IEndpointRouteBuilder routes, IRunSource source, LiveFeed feed)
    {
        routes.MapGet("/api/state", () => Answers.Json(new { source.Folder, source.CanWrite, feed.Version, feed.Readers }));
        routes.MapGet("/api/runs", () => List(source, feed));
        routes.MapGet("/api/figures", () => Answers.Json(Figures(source)));
        routes.MapGet("/api/compare", (string[] run) => Answers.Json(Few(run).Select(id => Side(source, id)).ToList()));
        routes.MapGet("/api/run", (string id) => Answers.Json(Detail(source, id)));
        routes.MapGet("/api/settings", (string[] run) => Answers.Json(Few(run).ToDictionary(id => id, source.Config)));
        routes.MapGet("/api/texts", (string id) => Answers.Json(source.Texts(id, []).Select(t => new { t.Tag, t.Step, t.Time, t.Text })));
        routes.MapGet("/api/histograms", (string id) => Answers.Json(source.Histograms(id, []).Select(h => new
        {
            h.Tag,
            h.Step,
            h.Histogram.Min,
            h.Histogram.Max,
            h.Histogram.Count,
            h.Histogram.NonFinite,
            Limits = h.Histogram.BucketLimits,
            h.Histogram.Buckets,
        })));
        routes.MapGet("/api/requests", (string id) => Answers.Json(source.Requests(id, [])));
    }

    internal static string[] Few(string[] runs)
        => runs.Length is > 0 and <= SeriesApi.MostRuns ? [.. runs.Distinct()]
            : throw new ArgumentException($"{runs.Length} runs were asked for; allowed: 1 to {SeriesApi.MostRuns}.");

    private static IResult List(IRunSource source, LiveFeed feed)
    {
        // Before the runs are read: what changes in between is told again rather than lost.
        var version = feed.Version;
        var bad = new List<BadRow>();
        var progress = source.Progress(bad);
        var runs = source.List(bad);
        return Answers.Json(new
        {
            source.Folder,
            source.CanWrite,
            Problems = source.Problems.Concat(Say(bad)),
            Version = version,
            Runs = runs.Select(run => Card(run, progress.GetValueOrDefault(run.Id))),
        });
    }

    private static object Card(RunInfo run, RunProgress? progress)
    {
        var total = progress?.PlannedSteps is { } planned
            && long.TryParse(planned, NumberStyles.Integer, CultureInfo.InvariantCulture, out var steps) && steps > 0 ? steps : (long?)null;
        var done = progress?.LastStep ?? 0;
        return new
        {
            run.Id,
            run.Name,
            run.Kind,
            progress?.Job,
            run.Status,
            run.Created,
            run.Ended,
            run.Heartbeat,
            Active = run.ActiveTime.TotalSeconds,
            run.Sessions,
            run.Note,
            run.Message,
            run.Archived,
            run.Tags,
            Summary = run.Summary.Select(s => new { s.Key, s.Value }),
            Points = progress?.Points ?? 0,
            Step = done,
            Steps = total,
            // A guess from the time so far; only for what is going on.
            Left = run.Status == RunStatus.Running && total > done && done > 0 ? run.ActiveTime.TotalSeconds / done * (total.Value - done)
                : (double?)null,
            Headline = progress?.Headline is { } h ? new { h.Tag, h.Last.Value, h.Min, h.Max, h.Count } : null,
            Picture = progress?.LastPicture is { } p ? new { p.Tag, p.Step, p.Sha256, p.Caption } : null,
        };
    }

    private static IEnumerable<object> Figures(IRunSource source) => source.AllSeries([]).GroupBy(s => s.Id).Select(g => new
    {
        Id = g.Key,
        Series = g.Select(s => new { s.Series.Tag, s.Series.Last.Value, s.Series.Min, s.Series.Max }),
    });

    private static IEnumerable<string> Say(List<BadRow> bad) => bad.Select(row => $"This row of the store cannot be read: {row}");

    // What stands beside other runs. One that was deleted since is left out and named.
    private static object Side(IRunSource source, string id)
    {
        try
        {
            var bad = new List<BadRow>();
            var (run, config, series, pictures) = (source.Get(id, bad), source.Config(id), source.Series(id, bad),
                source.Pictures(id, bad));
            return new
            {
                Run = Card(run, Of(series, config)),
                Config = config,
                Series = Rows(series),
                Pictures = Rows(pictures),
                Problems = Say(bad)
            };
        }
        catch (RunNotFoundException e)
        {
            return new { Missing = id, Problems = new[] { e.Message } };
        }
    }

    private static RunProgress Of(IReadOnlyList<SeriesInfo> series, IReadOnlyDictionary<string, string> config)
        => new(series.Sum(s => s.Count), series.Select(s => s.LastStep).DefaultIfEmpty(0).Max(), config.GetValueOrDefault("trainer.steps"),
            null, null, config.GetValueOrDefault("job"));

    private static IEnumerable<object> Rows(IReadOnlyList<SeriesInfo> series) =>
        series.Select(s => new { s.Tag, s.Count, s.FirstStep, s.LastStep, s.Last.Value, s.Last.WallTime, s.Min, s.Max });

    private static IEnumerable<object> Rows(IReadOnlyList<RunPicture> pictures) =>
        pictures.Select(p => new { p.Tag, p.Step, p.Time, p.Type, p.Bytes, p.Sha256, p.Caption });

    private static object Detail(IRunSource source, string id)
    {
        var bad = new List<BadRow>();
        var run = source.Get(id, bad);
        var folder = RunFolder.Of(source, run);
        var (config, series, pictures) = (source.Config(id), source.Series(id, bad), source.Pictures(id, bad));
        var (texts, histograms, requests) = (source.Texts(id, bad), source.Histograms(id, bad), source.Requests(id, bad));
        var problems = Say(bad).ToList();
        var checkpoints = folder is null ? [] : Checkpoints.Read(folder, problems);
        return new
        {
            Run = Card(run, Of(series, config)),
            Problems = problems,
            source.CanWrite,
            run.Host,
            run.ProcessId,
            run.Folder,
            Config = config,
            Environment = source.Environment(id),
            Series = Rows(series),
            Pictures = Rows(pictures),
            Texts = texts.Count,
            Histograms = histograms.Select(h => h.Tag).Distinct(),
            Requests = requests,
            Checkpoints = checkpoints,
        };
    }
}
