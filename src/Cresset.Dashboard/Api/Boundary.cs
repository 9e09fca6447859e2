using Cresset.Runs;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Cresset.Dashboard;

/// <summary>Turns what goes wrong into a status and one sentence that the page shows.</summary>
internal static class Boundary
{
    public static async Task Pass(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context).ConfigureAwait(false);
            // A body that is too long is refused while it is bound, without a word.
            if (context.Response is { HasStarted: false, StatusCode: >= 400, ContentLength: null } silent)
                await Answers.Problem(silent.StatusCode, ReasonPhrases.GetReasonPhrase(silent.StatusCode) + ".").ExecuteAsync(context)
                    .ConfigureAwait(false);
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            if (context.RequestAborted.IsCancellationRequested) return;
            await Answer(e).ExecuteAsync(context).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The reader went away in the middle of an answer.
        }
    }

    private static IResult Answer(Exception error) => error switch
    {
        RunNotFoundException => Answers.Problem(404, error.Message),
        BadHttpRequestException bad => Answers.Problem(bad.StatusCode, Plain(bad.Message)),
        RunStoreException or InvalidDataException => Answers.Problem(503, error.Message),
        InvalidOperationException => Answers.Problem(409, error.Message),
        ArgumentException => Answers.Problem(400, error.Message.Split(" (Parameter '", StringSplitOptions.None)[0]),
        UnauthorizedAccessException or IOException => Answers.Problem(503, error.Message),
        _ => Answers.Problem(500, $"unexpected {error.GetType().Name}: {error.Message}"),
    };

    // The framework names the types of C#.
    private static string Plain(string message) => message.Split('"') switch
    {
        ["Required parameter ", var parameter, ..] => $"The query lacks {Name(parameter)}.",
        ["Failed to bind parameter ", var parameter, _, var value, ..] => $"{Name(parameter)} is '{value}', which it cannot be.",
        _ => message,
    };

    private static string Name(string parameter) => parameter[(parameter.LastIndexOf(' ') + 1)..];
}
