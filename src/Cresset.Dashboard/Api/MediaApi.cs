using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cresset.Dashboard;

/// <summary>Pictures by run and hash. No name of a file comes from a request.</summary>
internal static class MediaApi
{
    private static readonly string[] Types = ["image/png", "image/gif", "image/jpeg"];

    public static void Map(IEndpointRouteBuilder routes, IRunSource source) =>
        routes.MapMethods("/media", [HttpMethods.Get, HttpMethods.Head], (string run, string hash, HttpContext context) =>
    {
        var info = source.Get(run, []);
        var picture = source.Pictures(run, []).FirstOrDefault(p => p.Sha256 == hash);
        if (picture is null) return Answers.Problem(404, "The run has no such picture.");
        // Only what browsers draw and never run: no SVG, no HTML, whatever the database says.
        if (!Types.Contains(picture.Type)) return Answers.Problem(404, $"'{picture.Type}' is not a picture that is shown.");
        using var stream = source.OpenPicture(info, picture);
        if (stream is null || stream.Length > MostBytes) return Answers.Problem(404, "The file of the picture is gone.");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        if (Convert.ToHexStringLower(SHA256.HashData(bytes)) != picture.Sha256)
            return Answers.Problem(404, "The file of the picture was changed or damaged.");
        // The hash in the address is that of the bytes: they never change.
        context.Response.Headers.CacheControl = "private, max-age=31536000, immutable";
        return Results.Bytes(bytes, picture.Type);
    });

    private const int MostBytes = 256 << 20;
}
