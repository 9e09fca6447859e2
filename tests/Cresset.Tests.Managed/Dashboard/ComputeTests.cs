using System.Text.Json;
using Xunit;

namespace Cresset.Tests.Managed.Dashboard;

/// <summary>The process that computes for subject pages: on demand, one question at a time, and never the dashboard's end.</summary>
public sealed class ComputeTests
{
    // Answers every line with its own length, dies at "die" and says nothing at all to "sleep".
    private const string Program = """
        while read -r line; do
          case "$line" in
            *die*) echo "no memory left" >&2; exit 3;;
            *) printf '{"result":{"length":%d,"process":%d}}\n' "${#line}" $$;;
          esac
        done
        """;

    [Fact]
    public async Task AWorkerIsStartedByTheFirstQuestionAndAnewAfterItDied()
    {
        if (OperatingSystem.IsWindows()) return;
        await using var served = await ServedStore.Start(o => o with { ComputeCommand = ["/bin/sh", "-c", Program] });
        Assert.True((await served.Get("/api/subjects")).Json.GetProperty("canCompute").GetBoolean());
        var first = (await Ask(served, "a")).Json.GetProperty("result").GetProperty("process").GetInt32();
        Assert.Equal(first, (await Ask(served, "b")).Json.GetProperty("result").GetProperty("process").GetInt32());
        var (status, json) = await Ask(served, "die");
        Assert.Equal(409, status);
        Assert.Contains("ended", json.GetProperty("problem").GetString(), StringComparison.Ordinal);
        Assert.NotEqual(first, (await Ask(served, "c")).Json.GetProperty("result").GetProperty("process").GetInt32());
    }

    [Fact]
    public async Task ManyQuestionsAtOnceGetTheirOwnAnswers()
    {
        if (OperatingSystem.IsWindows()) return;
        await using var served = await ServedStore.Start(o => o with { ComputeCommand = ["/bin/sh", "-c", Program] });
        var answers =
            await Task.WhenAll(Enumerable.Range(1, 20).Select(async i => (Asked: i, Answer: await Ask(served, new string('x', i)))));
        var shortest = answers[0].Answer.Json.GetProperty("result").GetProperty("length").GetInt32();
        Assert.All(answers,
            a => Assert.Equal(shortest + a.Asked - 1, a.Answer.Json.GetProperty("result").GetProperty("length").GetInt32()));
    }

    [Fact]
    public async Task AServerWithoutOneSaysSoAndAForeignPageStartsNothing()
    {
        await using var served = await ServedStore.Start();
        Assert.False((await served.Get("/api/subjects")).Json.GetProperty("canCompute").GetBoolean());
        var (status, json) = await Ask(served, "a");
        Assert.Equal(409, status);
        Assert.Contains("only shows", json.GetProperty("problem").GetString(), StringComparison.Ordinal);
        Assert.Equal(403, await served.Send(HttpMethod.Post, "/api/compute"));
        await using var missing = await ServedStore.Start(o => o with { ComputeCommand = ["/nowhere/cresset", "compute"] });
        Assert.NotEqual(200, (await Ask(missing, "a")).Status);
        Assert.Equal(400, (await served.Post("/api/compute", new[] { 1 })).Status);
    }

    private static Task<(int Status, JsonElement Json)> Ask(ServedStore served, string what) => served.Post("/api/compute", new { what });
}
