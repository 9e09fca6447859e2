using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cresset.Dashboard;

/// <summary>The subject pages: which there are, and what they let compute.</summary>
internal static class ComputeApi
{
    public static void Map(IEndpointRouteBuilder routes, ComputeWorker worker, PageFiles files)
    {
        // A page is a file: whatever assembly embeds page/subjects/NAME.js adds one.
        routes.MapGet("/api/subjects",
            () => Answers.Json(new { CanCompute = worker.IsThere, Pages = files.All.Keys.Where(IsSubject).Order(StringComparer.Ordinal) }));
        routes.MapPost("/api/compute", async (JsonElement question, CancellationToken cancellation) =>
        {
            if (question.ValueKind != JsonValueKind.Object) throw new ArgumentException("A question is a JSON object.");
            var answer = await worker.Ask(question.GetRawText(), cancellation).ConfigureAwait(false);
            return Results.Text(answer, "application/json");
        });
    }

    private static bool IsSubject(string name) =>
        name.StartsWith("subjects/", StringComparison.Ordinal) && name.EndsWith(".js", StringComparison.Ordinal);
}
