using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Cresset.Dashboard;

/// <summary>The door: a token becomes a cookie that scripts cannot read and other sites cannot send.</summary>
internal static class EnterApi
{
    public static void Map(IEndpointRouteBuilder routes, AccessToken? token) =>
        routes.MapPost("/api/enter", (HttpContext context, Shown shown) =>
    {
        if (token is null) return Answers.Json(new { done = true });
        switch (token.Check(shown.Token))
        {
            case null: return Answers.Problem(429, "Too many wrong tokens; wait a minute.");
            case false: return Answers.Problem(401, "This is not the token of this server; it was printed when it started.");
        }
        context.Response.Cookies.Append(token.CookieName, token.CookieValue,
            new CookieOptions
            {
                HttpOnly = true,
                SameSite = SameSiteMode.Strict,
                Secure = context.Request.IsHttps,
                Path = "/",
                IsEssential = true
            });
        return Answers.Json(new { done = true });
    });

    private sealed record Shown(string? Token);
}
