using System.Net;
using System.Net.Sockets;
using System.Text;
using Cresset.Dashboard;
using Cresset.Numerics;
using Xunit;

namespace Cresset.Tests.Managed.Dashboard;

/// <summary>What other sites, other people and hostile programs may not do.</summary>
public sealed class AccessTests
{
    [Theory]
    [InlineData("evil.example")]
    [InlineData("evil.example:6070")]
    [InlineData("127.0.0.1.evil.example")]
    [InlineData("localhost.evil.example")]
    [InlineData("10.0.0.1")]
    public async Task AForeignHostIsRefused(string host)
    {
        await using var served = await ServedStore.Start();
        Assert.Equal(403, await served.Send(HttpMethod.Get, "/api/runs", ("Host", host)));
        Assert.Equal(403, await served.Send(HttpMethod.Get, "/", ("Host", host)));
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("localhost:8080")]
    [InlineData("127.0.0.1:1")]
    [InlineData("[::1]:6070")]
    [InlineData("lab.example.org")]
    public async Task OwnNamesAndTunnelsAreServed(string host)
    {
        await using var served = await ServedStore.Start(o => o with { AllowedHosts = ["lab.example.org"] });
        Assert.Equal(200, await served.Send(HttpMethod.Get, "/api/runs", ("Host", host)));
    }

    [Theory]
    [InlineData("http://evil.example")]
    [InlineData("http://127.0.0.1:1")]
    [InlineData("null")]
    [InlineData("file://")]
    public async Task AForeignOriginIsRefused(string origin)
    {
        await using var served = await ServedStore.Start();
        Assert.Equal(403, await served.Send(HttpMethod.Get, "/api/runs", ("Origin", origin)));
        Assert.Equal(403, await served.Send(HttpMethod.Post, "/api/note", ("Origin", origin), ("X-Cresset", "1")));
    }

    [Fact]
    public async Task AWriteWithoutThePagesHeaderIsRefused()
    {
        await using var served = await ServedStore.Start();
        var id = served.Record(run => run.Scalar("x", 1, 1));
        using var plain = new StringContent($"{{\"id\":\"{id}\",\"note\":\"x\"}}", Encoding.UTF8, "application/json");
        using var noHeader = await served.Client.PostAsync(new Uri("/api/note", UriKind.Relative), plain);
        Assert.Equal(HttpStatusCode.Forbidden, noHeader.StatusCode);
        // What a form of another site can send without asking first.
        using var form = new HttpRequestMessage(HttpMethod.Post,
            "/api/note")
        { Content = new StringContent("{}", Encoding.UTF8, "text/plain") };
        form.Headers.Add("X-Cresset", "1");
        using var asForm = await served.Client.SendAsync(form);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, asForm.StatusCode);
        Assert.Equal(403, await served.Send(HttpMethod.Post, "/api/note", ("Sec-Fetch-Site", "cross-site"), ("X-Cresset", "1")));
        Assert.Equal("", (await served.Get($"/api/run?id={id}")).Json.GetProperty("run").GetProperty("note").GetString());
    }

    [Fact]
    public async Task EveryAnswerForbidsForeignScriptsAndFrames()
    {
        await using var served = await ServedStore.Start();
        foreach (var path in (string[])["/", "/api/runs", "/page/app.js", "/nothing", "/media?run=x&hash=y"])
        {
            using var response = await served.Client.GetAsync(new Uri(path, UriKind.Relative));
            var policy = response.Headers.GetValues("Content-Security-Policy").Single();
            Assert.Contains("default-src 'none'", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        }
    }

    [Theory]
    [InlineData("/page/../../../etc/passwd")]
    [InlineData("/page/..%2f..%2f..%2fetc%2fpasswd")]
    [InlineData("/page/%2e%2e/%2e%2e/etc/passwd")]
    [InlineData("/page/..\\..\\windows\\win.ini")]
    [InlineData("/etc/passwd")]
    [InlineData("//etc/passwd")]
    [InlineData("/runs.db")]
    [InlineData("/media?run=..%2f..&hash=x")]
    [InlineData("/media?run=%2fetc&hash=passwd")]
    [InlineData("/api/run?id=..%2f..%2fetc")]
    [InlineData("/api/csv?id=%00")]
    public async Task NoPathLeavesTheStore(string path)
    {
        await using var served = await ServedStore.Start();
        served.Record(run => run.Scalar("x", 1, 1));
        var answer = await Raw(served.Server.Address, $"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        Assert.Matches("^HTTP/1.1 (400|404) ", answer);
        Assert.DoesNotContain("root:", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HugeQuestionsAreRefused()
    {
        await using var served = await ServedStore.Start();
        Assert.Contains(" 414 ",
            await Raw(served.Server.Address,
                $"GET /api/runs?q={new string('a', 20_000)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
                StringComparison.Ordinal);
        Assert.Contains(" 431 ",
            await Raw(served.Server.Address,
                $"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {new string('a', 40_000)}\r\nConnection: close\r\n\r\n"),
                StringComparison.Ordinal);
        Assert.Equal(413, (await served.Post("/api/note", new { id = "x", note = new string('n', 100_000) })).Status);
        Assert.Equal(400, (await served.Post("/api/note", new { id = "x", note = new string('n', 30_000) })).Status);
        Assert.Equal(400,
            (await served.Get("/api/settings?" + string.Join('&', Enumerable.Range(0, 300).Select(i => $"run=r{i}")))).Status);
    }

    [Fact]
    public async Task AnotherAddressAsksForTheToken()
    {
        await using var served = await ServedStore.Start(o => o with { AlwaysAskToken = true });
        var token = served.Server.Link.Fragment["#token=".Length..];
        Assert.Equal(64, token.Length);
        Assert.Equal(401, (await served.Get("/api/runs")).Status);
        Assert.Equal(401, await served.Send(HttpMethod.Get, "/media?run=a&hash=b"));
        Assert.Equal(200, await served.Send(HttpMethod.Get, "/"));
        Assert.Equal(401, await served.Send(HttpMethod.Get, "/api/runs", ("Cookie", $"cresset-{served.Server.Address.Port}={token}")));
        using var enter = new HttpRequestMessage(HttpMethod.Post,
            "/api/enter")
        { Content = new StringContent($"{{\"token\":\"{token}\"}}", Encoding.UTF8, "application/json") };
        enter.Headers.Add("X-Cresset", "1");
        using var entered = await served.Client.SendAsync(enter);
        var cookie = entered.Headers.GetValues("Set-Cookie").Single();
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(200, await served.Send(HttpMethod.Get, "/api/runs", ("Cookie", cookie.Split(';')[0])));
        // The cookie of a server on another port of this machine is sent along by browsers; it opens nothing.
        await using var other = await ServedStore.Start(o => o with { AlwaysAskToken = true });
        var renamed = cookie.Split(';')[0].Replace($"cresset-{served.Server.Address.Port}", $"cresset-{other.Server.Address.Port}",
            StringComparison.Ordinal);
        Assert.Equal(401, await other.Send(HttpMethod.Get, "/api/runs", ("Cookie", cookie.Split(';')[0] + "; " + renamed)));
    }

    [Fact]
    public async Task GuessingTokensIsStopped()
    {
        await using var served = await ServedStore.Start(o => o with { AlwaysAskToken = true });
        for (var i = 0; i < 10; i++)
            Assert.Equal(401, (await served.Post("/api/enter", new { token = new string('0', 63) + i % 10 })).Status);
        // Even the right one has to wait now: whoever guesses learns nothing.
        Assert.Equal(429, (await served.Post("/api/enter", new { token = served.Server.Link.Fragment["#token=".Length..] })).Status);
    }

    [Fact]
    public void OtherAddressesAlwaysHaveAToken()
    {
        Assert.True(new DashboardOptions { Address = "0.0.0.0" }.IsOpenToOthers);
        Assert.True(new DashboardOptions { Address = "::" }.IsOpenToOthers);
        Assert.True(new DashboardOptions { Address = "192.168.1.2" }.IsOpenToOthers);
        Assert.False(new DashboardOptions { Address = "127.0.0.1" }.IsOpenToOthers);
        Assert.False(new DashboardOptions { Address = "::1" }.IsOpenToOthers);
        Assert.False(new DashboardOptions { Address = "localhost" }.IsOpenToOthers);
    }

    [Fact]
    public async Task WrongOptionsAndTakenPortsAreNamed()
    {
        await Assert.ThrowsAsync<InvalidOptionsException>(() => DashboardServer.Start(new DashboardOptions { Address = "nowhere" }));
        await using var served = await ServedStore.Start();
        var port = served.Server.Address.Port;
        var taken =
            await Assert.ThrowsAsync<IOException>(
                () => DashboardServer.Start(new DashboardOptions { Folder = served.Folder, Port = port }));
        Assert.Contains($"Port {port}", taken.Message, StringComparison.Ordinal);
        await using var next = await DashboardServer.Start(new DashboardOptions { Folder = served.Folder, Port = port, FurtherPorts = 20 });
        Assert.InRange(next.Address.Port, port + 1, port + 20);
        await Assert.ThrowsAsync<IOException>(
            () => DashboardServer.Start(new DashboardOptions { Folder = served.Folder, Port = 0, Address = "203.0.113.7" }));
    }

    [Fact]
    public async Task AThousandConnectionsAreNotHeld()
    {
        await using var served = await ServedStore.Start();
        var sockets = new List<TcpClient>();
        try
        {
            for (var i = 0; i < 1000; i++)
            {
                var client = new TcpClient();
                sockets.Add(client);
                await client.ConnectAsync(IPAddress.Loopback, served.Server.Address.Port);
            }
            // Beyond the limit a connection is closed at once instead of being served.
            var last = sockets[^1].GetStream();
            last.ReadTimeout = 5000;
            await last.WriteAsync("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray());
            var closed = false;
            try
            {
                closed = await last.ReadAsync(new byte[16]).AsTask().WaitAsync(TimeSpan.FromSeconds(10)) == 0;
            }
            catch (IOException)
            {
                closed = true;
            }
            Assert.True(closed);
        }
        finally
        {
            foreach (var socket in sockets) socket.Dispose();
        }
        for (var i = 0; ; i++)
        {
            try
            {
                Assert.Equal(200, await served.Send(HttpMethod.Get, "/"));
                break;
            }
            catch (HttpRequestException) when (i < 50)
            {
                await Task.Delay(100);
            }
        }
    }

    [Fact]
    public async Task ASlowClientIsLetGoAndHoldsNobodyUp()
    {
        await using var served = await ServedStore.Start();
        using var slow = new TcpClient();
        await slow.ConnectAsync(IPAddress.Loopback, served.Server.Address.Port);
        var stream = slow.GetStream();
        // A header that never ends: one letter now and then.
        await stream.WriteAsync("POST /api/note HTTP/1.1\r\nHost: localhost\r\nX-Slow: "u8.ToArray());
        var ended = Drip(stream);
        for (var i = 0; i < 5; i++) Assert.Equal(200, await served.Send(HttpMethod.Get, "/api/runs"));
        Assert.True(await ended.WaitAsync(TimeSpan.FromSeconds(40)));
    }

    private static async Task<bool> Drip(NetworkStream stream)
    {
        var answer = Task.Run(async () =>
        {
            try
            {
                var bytes = new byte[4096];
                while (await stream.ReadAsync(bytes) > 0)
                {
                    // The answer says that the request took too long; then the connection ends.
                }
            }
            catch (IOException)
            {
                // Cut off is ended, too.
            }
        });
        while (!answer.IsCompleted)
        {
            try
            {
                await stream.WriteAsync("a"u8.ToArray());
            }
            catch (IOException)
            {
                break;
            }
            await Task.WhenAny(answer, Task.Delay(200));
        }
        await answer;
        return true;
    }

    private static async Task<string> Raw(Uri address, string request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, address.Port);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request));
        using var reader = new StreamReader(stream, Encoding.Latin1);
        return await reader.ReadToEndAsync();
    }
}
