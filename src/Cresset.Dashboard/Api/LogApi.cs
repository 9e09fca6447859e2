using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;

namespace Cresset.Dashboard;

/// <summary>The end of what a run said, from <c>log.txt</c> of its folder.</summary>
internal static class LogApi
{
    private const int MostBytes = 64 << 10;

    public static void Map(IEndpointRouteBuilder routes, IRunSource source) => routes.MapGet("/api/log", (string id) =>
    {
        var folder = RunFolder.Of(source, source.Get(id, []));
        using var stream = folder?.Open(Path.Combine(folder.FullPath, "log.txt"));
        if (stream is null) return Answers.Json(new { Lines = Array.Empty<string>(), Bytes = 0L, IsWhole = true });
        var from = Math.Max(0, stream.Length - MostBytes);
        stream.Seek(from, SeekOrigin.Begin);
        var bytes = new byte[MostBytes];
        var count = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        var lines = Encoding.UTF8.GetString(bytes, 0, count).Split('\n');
        // The first line of a tail is the end of one.
        return Answers.Json(new
        {
            Lines = lines.Skip(from > 0 ? 1 : 0).Where((l, i) => l.Length > 0),
            Bytes = stream.Length,
            IsWhole = from == 0
        });
    });
}
