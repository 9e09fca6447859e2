using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;

namespace Cresset.Dashboard;

/// <summary>How answers are written: JSON with numbers that JSON lacks as texts ("NaN", "Infinity").</summary>
internal static class Answers
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public static IResult Json(object value) => Results.Json(value, Options);

    public static IResult Problem(int status, string text) => Results.Json(new { problem = text }, Options, statusCode: status);
}
