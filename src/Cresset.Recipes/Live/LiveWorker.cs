using System.Text.Json;
using System.Text.Json.Serialization;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>
/// Answers one line of JSON after the other: <c>{"what": "activation-curves", "names": ["gelu"]}</c> gives <c>{"result": ...}</c> or
/// <c>{"problem": "..."}</c>.
/// </summary>
public static class LiveWorker
{
    private const string Kind = "computation";

    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Reads questions until there are no more.</summary>
    /// <param name="questions">One JSON object per line.</param>
    /// <param name="answers">One line each.</param>
    /// <param name="context">The runs.</param>
    /// <param name="parts">Where computations are found.</param>
    public static void Run(TextReader questions, TextWriter answers, LiveContext context, PartCatalog parts)
    {
        ArgumentNullException.ThrowIfNull(questions);
        ArgumentNullException.ThrowIfNull(answers);
        while (questions.ReadLine() is { } line)
        {
            if (line.Length == 0) continue;
            answers.WriteLine(Answer(line, context, parts));
            answers.Flush();
        }
    }

    /// <summary>Answers one question; what cannot be computed is a sentence in the answer.</summary>
    public static string Answer(string question, LiveContext context, PartCatalog parts)
    {
        try
        {
            return JsonSerializer.Serialize(new { result = Parse(question, parts).Compute(context) }, Format);
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException or JsonException or IOException or NotSupportedException
            or InvalidOperationException or ConfigException)
        {
            return JsonSerializer.Serialize(new { problem = e.Message.Split(" (Parameter '", StringSplitOptions.None)[0] }, Format);
        }
        catch (Exception e)
        {
            // A fault of the library ends this answer, not the worker.
            return JsonSerializer.Serialize(new { problem = $"unexpected {e.GetType().Name}: {e.Message.Split('\n')[0]}" }, Format);
        }
    }

    private static LiveComputation Parse(string question, PartCatalog parts)
    {
        using var json = JsonDocument.Parse(question);
        if (json.RootElement.ValueKind != JsonValueKind.Object)
            throw new JsonException("A question is an object such as {\"what\": \"activation-curves\"}.");
        var arguments = json.RootElement.EnumerateObject().ToDictionary(p => p.Name, p => p.Value);
        if (!arguments.Remove("what", out var what) || what.ValueKind != JsonValueKind.String)
            throw new JsonException($"The key \"what\" names the computation: {string.Join(", ", parts.Of(Kind).Select(p => p.Name))}.");
        var entry = parts.Find(Kind, what.GetString()!) ?? throw new ArgumentException(parts.Unknown(Kind, what.GetString()!));
        return ((LiveComputation)JsonSerializer.SerializeToElement(arguments).Deserialize(entry.Type, Format)!).ThrowIfInvalid();
    }
}
