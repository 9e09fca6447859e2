using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace Cresset.Dashboard;

/// <summary>Server-sent events; the id of each is the version reached, which a browser sends back when it connects again.</summary>
internal static class LiveApi
{
    private const int MostReaders = 64;
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(15);

    public static void Map(IEndpointRouteBuilder routes, LiveFeed feed, CancellationToken stopping)
    {
        var readers = 0;
        routes.MapGet("/api/live", async (HttpContext context, string? since) =>
        {
            if (Interlocked.Increment(ref readers) > MostReaders)
            {
                Interlocked.Decrement(ref readers);
                await Answers.Problem(503, $"More than {MostReaders} pages listen already.").ExecuteAsync(context).ConfigureAwait(false);
                return;
            }
            try
            {
                await Send(context, feed, context.Request.Headers["Last-Event-ID"] is { Count: > 0 } last ? last.ToString() : since,
                    stopping).ConfigureAwait(false);
            }
            finally
            {
                Interlocked.Decrement(ref readers);
            }
        });
    }

    private static async Task Send(HttpContext context, LiveFeed feed, string? since, CancellationToken stopping)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        var response = context.Response;
        response.ContentType = "text/event-stream";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        try
        {
            await response.WriteAsync("retry: 1000\n\n", ends.Token).ConfigureAwait(false);
            await foreach (var change in feed.Read(since, Quiet, ends.Token).ConfigureAwait(false))
            {
                var text = change is null ? ": quiet\n\n"
                    : $"id: {change.Version}\ndata: {JsonSerializer.Serialize(change, Answers.Options)}\n\n";
                await response.WriteAsync(text, ends.Token).ConfigureAwait(false);
                await response.Body.FlushAsync(ends.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (ends.IsCancellationRequested)
        {
            // The page was closed, or the server ends.
        }
    }
}
