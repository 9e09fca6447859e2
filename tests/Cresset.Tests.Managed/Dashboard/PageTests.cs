using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Cresset.Dashboard;
using Xunit;

namespace Cresset.Tests.Managed.Dashboard;

/// <summary>The page's own files: small, complete, and nothing from elsewhere.</summary>
public sealed partial class PageTests
{
    private static readonly PageFiles Files = new();

    [Fact]
    public void TheFirstPageIsSmallAndTheOthersAddLittle()
    {
        var first = new HashSet<string> { "index.html", "page.css", "icon.svg", "vendor/uplot.css", "live-worker.js" };
        var open = new Stack<string>(["app.js"]);
        while (open.TryPop(out var name))
        {
            if (first.Add(name))
                foreach (Match import in Imports().Matches(Text(name)).Where(i => i.Value.StartsWith("from", StringComparison.Ordinal)))
                    open.Push(Resolve(name, import.Groups[1].Value));
        }
        // Neither other pages nor what draws their curves.
        Assert.DoesNotContain("compare.js", first);
        Assert.DoesNotContain("charts.js", first);
        // Named in the page, modules come all at once instead of one level of imports after the other.
        Assert.Equal(
            first.Where(f => f.EndsWith(".js", StringComparison.Ordinal) && f is not ("app.js" or "live-worker.js"))
                .Order(StringComparer.Ordinal),
            Preloads().Matches(Text("index.html")).Select(m => m.Groups[1].Value).Order(StringComparer.Ordinal));
        Assert.InRange(first.Sum(name => Files.All[name].Compressed.Length), 10_000, 60_000);
        // Guides are read on their own.
        Assert.InRange(Files.All.Where(f => !f.Key.EndsWith(".txt", StringComparison.Ordinal) && !IsGuide(f.Key))
            .Sum(f => f.Value.Compressed.Length), 10_000, 100_000);
    }

    [Theory]
    [InlineData("/", "/api/runs")]
    [InlineData("/run?id=a-1&part=about", "/api/run?id=a-1")]
    [InlineData("/compare?run=a&run=b_2&run=a&smooth=0.5", "/api/compare?run=a&run=b_2")]
    [InlineData("/compare", null)]
    [InlineData("/run?id=%3Cscript%3E", null)]
    [InlineData("/compare?run=a%22%3E%2C&run=b", null)]
    [InlineData("/explore", "/api/subjects")]
    [InlineData("/guide", null)]
    public async Task WhatAnAddressNeedsIsBegunWhileThePageIsRead(string address, string? question)
    {
        await using var served = await ServedStore.Start();
        using var response = await served.Client.GetAsync(new Uri(address, UriKind.Relative));
        var links = response.Headers.TryGetValues("Link", out var all) ? string.Join(", ", all).Split(", ") : [];
        Assert.Equal(question is null ? [] : [$"<{question}>; rel=preload; as=fetch; crossorigin=anonymous"],
            links.Where(l => l.Contains("as=fetch", StringComparison.Ordinal)));
        // No module is left to be found out by reading another one.
        var named = links.Where(l => l.EndsWith("; rel=modulepreload", StringComparison.Ordinal)).Select(l => l[7..l.IndexOf('>')])
            .ToList();
        var known = Preloads().Matches(Text("index.html")).Select(m => m.Groups[1].Value).Concat(named).ToHashSet();
        foreach (var name in named)
        {
            foreach (Match import in Imports().Matches(Text(name)).Where(i => i.Value.StartsWith("from", StringComparison.Ordinal)))
                Assert.Contains(Resolve(name, import.Groups[1].Value), known);
        }
        Assert.Equal(address.Split('?')[0].Length > 1, named.Count > 0);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/run?id=a-1")]
    [InlineData("/page/app.js")]
    [InlineData("/favicon.ico")]
    [InlineData("/page/nothing.js")]
    [InlineData("/nowhere")]
    public async Task HeadIsGetWithoutTheBody(string address)
    {
        await using var served = await ServedStore.Start();
        var there = new Uri(address, UriKind.Relative);
        using var whole = await served.Client.GetAsync(there);
        using var request = new HttpRequestMessage(HttpMethod.Head, there);
        using var head = await served.Client.SendAsync(request);
        Assert.Equal(whole.StatusCode, head.StatusCode);
        Assert.Equal(whole.Headers.ETag, head.Headers.ETag);
        Assert.Equal(whole.Content.Headers.ContentType, head.Content.Headers.ContentType);
        if (whole.IsSuccessStatusCode)
        {
            Assert.True(whole.Content.Headers.ContentLength > 0);
            Assert.Equal(whole.Content.Headers.ContentLength, head.Content.Headers.ContentLength);
        }
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
        Assert.NotEmpty(await whole.Content.ReadAsByteArrayAsync());
        if (whole.Headers.ETag is not { } tag) return;
        using var again = new HttpRequestMessage(HttpMethod.Head, there);
        again.Headers.IfNoneMatch.Add(tag);
        using var unchanged = await served.Client.SendAsync(again);
        Assert.Equal(System.Net.HttpStatusCode.NotModified, unchanged.StatusCode);
    }

    [Fact]
    public void NothingComesFromElsewhere()
    {
        foreach (var name in Files.All.Keys.Where(f => !f.StartsWith("vendor/", StringComparison.Ordinal) && !IsGuide(f)))
        {
            var text = Text(name).Replace("http://www.w3.org/", "", StringComparison.Ordinal);
            Assert.False(text.Contains("http://", StringComparison.Ordinal) || text.Contains("https://", StringComparison.Ordinal),
                $"{name} names another address.");
            Assert.False(HtmlSinks().IsMatch(text), $"{name} makes HTML from text.");
        }
        Assert.Contains("MIT License", Text("vendor/uplot.LICENSE.txt"), StringComparison.Ordinal);
    }

    [Fact]
    public void EveryModuleThatIsImportedIsThere()
    {
        foreach (var name in Files.All.Keys.Where(f => f.EndsWith(".js", StringComparison.Ordinal)))
        {
            foreach (Match import in Imports().Matches(Text(name)))
                Assert.True(Files.All.ContainsKey(Resolve(name, import.Groups[1].Value)),
                    $"{name} imports {import.Groups[1].Value}, which is not there.");
        }
    }

    [Fact]
    public void EverySubjectPageNamesItsGuideAndItsCommand()
    {
        var subjects = Files.All.Keys.Where(f => f.StartsWith("subjects/", StringComparison.Ordinal)).ToList();
        Assert.True(subjects.Count >= 5);
        foreach (var name in subjects)
        {
            var guide = Guide().Match(Text(name));
            Assert.True(guide.Success && Files.All.ContainsKey("guides/" + guide.Groups[1].Value), $"{name} names no guide that is there.");
            Assert.Matches("command: 'cresset ", Text(name));
        }
    }

    [Fact]
    public void TheChartLibraryIsTheOneThatItsAuthorPublished()
    {
        // uPlot 1.6.32 of the npm registry: dist/uPlot.iife.min.js and dist/uPlot.min.css, byte for byte.
        Assert.Equal("19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
            Convert.ToHexStringLower(SHA256.HashData(Files.All["vendor/uplot.js"].Bytes)));
        Assert.Equal("df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
            Convert.ToHexStringLower(SHA256.HashData(Files.All["vendor/uplot.css"].Bytes)));
        Assert.Contains("uPlot (v1.6.32)", Text("vendor/uplot.js"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnotherAssemblyAddsItsPages()
    {
        using var folder = new Managed.Runs.TemporaryFolder();
        await using var server = await DashboardServer.Start(new DashboardOptions { Folder = folder.Path, Port = 0 },
            [typeof(PageTests).Assembly]);
        using var client = new HttpClient { BaseAddress = server.Address };
        Assert.Contains("subjects/own.js", await client.GetStringAsync(new Uri("/api/subjects", UriKind.Relative)),
            StringComparison.Ordinal);
        Assert.Contains("Own page", await client.GetStringAsync(new Uri("/page/subjects/own.js", UriKind.Relative)),
            StringComparison.Ordinal);
        var taken =
            await Assert.ThrowsAsync<ArgumentException>(
                () => DashboardServer.Start(new DashboardOptions { Folder = folder.Path, Port = 0 }, [typeof(DashboardServer).Assembly]));
        Assert.Contains("is there already", taken.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FilesAreCompressedAndKeptByTheBrowser()
    {
        await using var served = await ServedStore.Start();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/page/app.js");
        request.Headers.Add("Accept-Encoding", "gzip");
        using var response = await served.Client.SendAsync(request);
        Assert.Equal("gzip", response.Content.Headers.ContentEncoding.Single());
        Assert.Equal("text/javascript", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal(304, await served.Send(HttpMethod.Get, "/page/app.js", ("If-None-Match", response.Headers.ETag!.ToString())));
    }

    private static bool IsGuide(string name) => name.StartsWith("guides/", StringComparison.Ordinal);

    private static string Resolve(string from, string import) =>
        import.StartsWith("../", StringComparison.Ordinal) ? import[3..] : from.Contains('/', StringComparison.Ordinal)
            ? from[..(from.IndexOf('/', StringComparison.Ordinal) + 1)] + import[2..] : import[2..];

    private static string Text(string name) => System.Text.Encoding.UTF8.GetString(Files.All[name].Bytes);

    [GeneratedRegex(@"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")]
    private static partial Regex HtmlSinks();

    [GeneratedRegex(@"(?:from |import\()'(\.\.?/[\w-]+\.js)'")]
    private static partial Regex Imports();

    [GeneratedRegex("<link rel=\"modulepreload\" href=\"/page/([^\"]+)\">")]
    private static partial Regex Preloads();

    [GeneratedRegex(@"guide: '([\w-]+\.md)'")]
    private static partial Regex Guide();
}
