using Cresset.Runs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cresset.Dashboard;

/// <summary>All that the page may write: notes, labels, requests to a run that is being recorded.</summary>
internal static class EditsApi
{
    private const int MostNote = 20_000, MostTag = 100, MostValue = 100;

    public static void Map(IEndpointRouteBuilder routes, IRunSource source, EditRate rate)
    {
        routes.MapPost("/api/note",
            (NoteEdit edit) => Change(source, rate, () => source.SetNote(Id(edit.Id), Text(edit.Note, MostNote, "note"))));
        routes.MapPost("/api/tag", (TagEdit edit) => Change(source, rate, () =>
        {
            var tag = Text(edit.Tag, MostTag, "tag").Trim();
            if (tag.Length == 0) throw new ArgumentException("The tag is empty.");
            if (edit.Remove) source.RemoveTag(Id(edit.Id), tag);
            else source.AddTag(Id(edit.Id), tag);
        }));
        routes.MapPost("/api/ask", (Asked asked) => Change(source, rate, () =>
        {
            var value = Text(asked.Value ?? "", MostValue, "value").Trim();
            if (asked.Command == RunRequest.Rate && value.Length == 0)
                throw new ArgumentException("A rate is needed, such as 1e-4 or x0.5.");
            source.Ask(Id(asked.Id), asked.Command ?? "", value);
        }));
    }

    private static IResult Change(IRunSource source, EditRate rate, Action edit)
    {
        if (!source.CanWrite) return Answers.Problem(403, "This page only shows.");
        if (!rate.Take()) return Answers.Problem(429, "Too many changes at once; wait a few seconds.");
        edit();
        return Answers.Json(new { done = true });
    }

    private static string Id(string? id) => string.IsNullOrEmpty(id) ? throw new ArgumentException("No run is named.") : id;

    private static string Text(string? text, int most, string what)
        => text is null ? throw new ArgumentException($"The {what} is missing.") : text.Length <= most ? text
            : throw new ArgumentException($"The {what} has {text.Length} characters; allowed: {most}.");

    private sealed record NoteEdit(string? Id, string? Note);

    private sealed record TagEdit(string? Id, string? Tag, bool Remove);

    private sealed record Asked(string? Id, string? Command, string? Value);
}
