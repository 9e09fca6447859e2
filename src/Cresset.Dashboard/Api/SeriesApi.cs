using System.Text;
using Cresset.Runs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cresset.Dashboard;

/// <summary>Curves as the page draws them: at most as many buckets as it has pixels, each with its extremes.</summary>
internal static class SeriesApi
{
    public const int MostRuns = 200;
    private const int MostBuckets = 4000, MostCells = 200_000;

    public static void Map(IEndpointRouteBuilder routes, IRunSource source)
    {
        routes.MapGet("/api/curves", (string[] run, string tag, long? from, long? to, int? most, double? smooth) =>
        {
            var runs = RunsApi.Few(run);
            var buckets = Math.Clamp(most ?? 800, 1, Math.Min(MostBuckets, MostCells / runs.Length));
            var weight = smooth ?? 0;
            if (weight is not (>= 0 and < 1)) throw new ArgumentException($"smooth is {weight}; allowed: 0 up to, but not 1.");
            return Answers.Json(new { Tag = tag, Curves = runs.Select(id => Curve(source, id, tag, from ?? long.MinValue, to ?? long.MaxValue, buckets, weight)).Where(c => c is not null).ToList() });
        });
        routes.MapGet("/api/csv", (string id) => Csv(source, id));
    }

    // A series whose points are damaged is told as that beside the others.
    private static object? Curve(IRunSource source, string id, string tag, long from, long to, int most, double weight)
    {
        try
        {
            return Read(source, id, tag, from, to, most, weight);
        }
        catch (Exception e) when (BadRow.IsFault(e))
        {
            return new { Run = id, Problem = $"'{tag}' of {id} cannot be read: {e.Message}" };
        }
    }

    private static object? Read(IRunSource source, string id, string tag, long from, long to, int most, double weight)
    {
        // A run that ends between the list and this request, or never had the series, is no reason to refuse the others.
        var series = source.Series(id, []).FirstOrDefault(s => s.Tag == tag);
        if (series is null) return null;
        // A short series is read whole: then the line goes on to the edges of a zoom.
        var buckets = series.Count <= MostBuckets ? PointBuckets.Of(source.Points(id, tag), from, to, most) : source.Buckets(id, tag, from, to, most);
        var exact = buckets.All(b => b.Count == 1);
        return new
        {
            Run = id,
            series.Count,
            series.FirstStep,
            series.LastStep,
            Exact = exact,
            Step = buckets.Select(b => b.FirstStep + ((b.LastStep - b.FirstStep) / 2.0)),
            Time = buckets.Select(b => (b.FirstWallTime + ((b.LastWallTime - b.FirstWallTime) / 2)) / 1e6),
            Mean = buckets.Select(b => b.Mean),
            Min = exact ? null : buckets.Select(b => b.Min),
            Max = exact ? null : buckets.Select(b => b.Max),
            Points = exact ? null : buckets.Select(b => b.Count),
            // Points that no line can show.
            Bad = buckets.Sum(b => b.NonFinite),
            Smooth = weight > 0 ? Smoothing.Of(source, id, series, buckets, weight) : null,
        };
    }

    private static IResult Csv(IRunSource source, string id)
    {
        var run = source.Get(id, []);
        return Results.Stream(async stream =>
        {
            var writer = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16);
            await using (writer.ConfigureAwait(false))
            {
                await writer.WriteAsync("tag,step,wall_time,value\n").ConfigureAwait(false);
                var bad = new List<BadRow>();
                foreach (var series in source.Series(run.Id, bad))
                {
                    var tag = SafeCell(series.Tag);
                    foreach (var point in PointsOf(source, run.Id, series.Tag, bad))
                    {
                        await writer.WriteAsync(FormattableString.Invariant($"{tag},{point.Step},{point.WallTime / 1_000_000}.{point.WallTime % 1_000_000:D6},{point.Value:R}\n")).ConfigureAwait(false);
                    }
                }
                // Said where nobody can overlook it: these are missing above.
                foreach (var row in bad) await writer.WriteAsync(SafeCell($"NOT READABLE: {row}") + ",,,\n").ConfigureAwait(false);
            }
        }, "text/csv; charset=utf-8", PictureFile.Stem(run.Id) + ".csv");
    }

    private static IReadOnlyList<SeriesPoint> PointsOf(IRunSource source, string id, string tag, List<BadRow> bad)
    {
        try
        {
            return source.Points(id, tag);
        }
        catch (Exception e) when (BadRow.IsFault(e))
        {
            bad.Add(new BadRow(tag, e.Message));
            return [];
        }
    }

    private static string SafeCell(string text) => text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
