using System.Net;
using Microsoft.AspNetCore.Http;

namespace Cresset.Dashboard;

/// <summary>
/// Who may ask. A page of another site cannot read or steer runs: its Host or Origin is another one, and writes need a header that browsers
/// send only for pages of the same origin. See the part on safety in the guide.
/// </summary>
internal sealed class Gate(DashboardOptions options, AccessToken? token)
{
    /// <summary>Sent by the page with every write.</summary>
    public const string Header = "X-Cresset";

    /// <summary>Largest body of a request.</summary>
    public const int MostBytes = 64 << 10;

    private const string Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src "
        + "'self'; worker-src 'self'; font-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
    private readonly HashSet<string> _hosts = new(options.AllowedHosts.Append(options.Address).Append("localhost").Append("127.0.0.1")
        .Append("[::1]").Append("::1"), StringComparer.OrdinalIgnoreCase);

    public async Task Pass(HttpContext context, RequestDelegate next)
    {
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
        if (Refusal(context) is { } refusal)
            await Answers.Problem(refusal.Status, refusal.Text).ExecuteAsync(context).ConfigureAwait(false);
        else await next(context).ConfigureAwait(false);
    }

    private (int Status, string Text)? Refusal(HttpContext context)
    {
        var request = context.Request;
        if (!IsKnownHost(request.Host))
            return (403, "This host name is not allowed. Use localhost or the printed address, or start with --allow-host NAME.");
        if (request.Headers.Origin is { Count: > 0 } origin && !IsSameOrigin(origin.ToString(), request.Host))
            return (403, "This page belongs to another site.");
        var isWrite = !HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method);
        // Browsers say where a request comes from; other programs say nothing.
        if (request.Headers["Sec-Fetch-Site"].ToString() is "cross-site" or "same-site"
            && (isWrite || request.Headers["Sec-Fetch-Mode"] != "navigate")) return (403, "This request comes from another site.");
        if (isWrite && request.Headers[Header] != "1") return (403, $"Writes need the header {Header}: 1.");
        if (request.ContentLength > MostBytes) return (413, $"The request has {request.ContentLength} bytes; allowed: {MostBytes}.");
        if (isWrite && request.ContentType?.StartsWith("application/json", StringComparison.OrdinalIgnoreCase) != true)
            return (415, "Writes are JSON.");
        if (token is null || IsOpenPath(request) || token.IsCookie(request.Cookies[token.CookieName])) return null;
        return (401, "Show the token that was printed when the server started.");
    }

    // What the page itself is made of holds nothing of the runs.
    private static bool IsOpenPath(HttpRequest request) =>
        !request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase)
            && !request.Path.StartsWithSegments("/media", StringComparison.OrdinalIgnoreCase)
        || request.Path == "/api/enter";

    // The port is left out: an SSH tunnel has another one, and a name is what a foreign page can forge.
    private bool IsKnownHost(HostString host)
        => host.HasValue && (_hosts.Contains(host.Host) || (options.IsOpenToOthers && IPAddress.TryParse(host.Host.Trim('[', ']'), out _)));

    private static bool IsSameOrigin(string origin, HostString host)
        => Uri.TryCreate(origin, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            && uri.Authority.Equals(new Uri($"{uri.Scheme}://{host.Value}").Authority, StringComparison.OrdinalIgnoreCase);
}
