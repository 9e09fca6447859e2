using System.Runtime.ExceptionServices;
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
    public const int MostBuckets = 4000;
    private const int MostCells = 200_000;

    public static void Map(IEndpointRouteBuilder routes, IRunSource source)
    {
        routes.MapGet("/api/curves",
            (string[] run, string tag, long? from, long? to, int? most, double? smooth, bool? time, string? form) =>
        {
            var runs = RunsApi.Few(run);
            var buckets = Math.Clamp(most ?? 800, 1, Math.Min(MostBuckets, MostCells / runs.Length));
            var weight = smooth ?? 0;
            if (weight is not (>= 0 and < 1)) throw new ArgumentException($"smooth is {weight}; allowed: 0 up to, but not 1.");
            if (form is not (null or "json" or "binary")) throw new ArgumentException($"form is '{form}'; allowed: json, binary.");
            var curves = Read(runs, id => Curve.Read(source, id, tag, from ?? long.MinValue, to ?? long.MaxValue, buckets, weight));
            return form == "binary" ? Results.Bytes(CurveBytes.Write(curves, time ?? false), "application/octet-stream")
                : Answers.Json(new { Tag = tag, Curves = curves.Select(c => c.ToJson()) });
        });
        routes.MapGet("/api/csv", (string id) => Csv(source, id));
    }

    // Side by side: of a hundred curves the reading is most of what a zoom waits for. Few at a time, since each holds a connection.
    private static List<Curve> Read(string[] runs, Func<string, Curve?> read)
    {
        try
        {
            return [.. runs.AsParallel().AsOrdered().WithDegreeOfParallelism(Math.Min(4, Environment.ProcessorCount)).Select(read)
                .OfType<Curve>()];
        }
        catch (AggregateException e)
        {
            // The answer is that of one reading: which run is not there, and not that one of several was not.
            ExceptionDispatchInfo.Throw(e.Flatten().InnerExceptions[0]);
            throw;
        }
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
                        await writer.WriteAsync(
                            FormattableString.Invariant(
                                $"{tag},{point.Step},{point.WallTime / 1_000_000}.{point.WallTime % 1_000_000:D6},{point.Value:R}\n"))
                                .ConfigureAwait(false);
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

    private static string SafeCell(string text) =>
        text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
