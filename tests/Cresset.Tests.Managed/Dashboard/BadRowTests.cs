using System.Text.Json;
using Cresset.Runs;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Cresset.Tests.Managed.Dashboard;

/// <summary>A row that nobody can read costs itself and nothing else, whichever table and column it is in.</summary>
public sealed class BadRowTests
{
    private static readonly string[] Tables = ["runs", "tags", "config", "environment", "summary", "series", "chunks", "media", "texts",
        "histograms", "control"];
    private static readonly string[] Values = ["'../../x'", "x'00ff00'", "9223372036854775807"];

    public static TheoryData<string> AllTables => [.. Tables];

    [Theory]
    [MemberData(nameof(AllTables))]
    public async Task AnyOddValueInAnyColumnLeavesAllOtherRunsAsTheyAre(string table)
    {
        await using var served = await ServedStore.Start();
        var good = served.Record(Everything, "good");
        var path = Path.Combine(served.Folder, "runs.db");
        var (_, before) = await served.Get($"/api/run?id={good}");
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        var columns = Ask(connection,
            $"SELECT group_concat(name) FROM pragma_table_info('{table}') WHERE name NOT IN ('key', 'run', 'series')").Split(',');
        var seen = new List<string>();
        foreach (var column in columns)
        {
            foreach (var value in Values)
            {
                var bad = served.Record(Everything, "bad");
                var key = Ask(connection, $"SELECT key FROM runs WHERE id = '{bad}'");
                Execute(connection,
                    $"INSERT INTO control (run, time, command, value, taken, answer) VALUES ({key}, 1, 'save', '', 2, 'saved')");
                var where = table switch
                {
                    "runs" => $"key = {key}",
                    "chunks" => $"series IN (SELECT key FROM series WHERE run = {key})",
                    _ => $"run = {key}",
                };
                Execute(connection, $"UPDATE OR IGNORE {table} SET {column} = {value} WHERE {where}");
                seen.AddRange(await Check(served, good, bad, before, $"{table}.{column} = {value}"));
                Execute(connection,
                    $"DELETE FROM chunks WHERE series IN (SELECT key FROM series WHERE run = {key}); DELETE FROM runs WHERE key = {key}");
                foreach (var other in Tables.Except(["runs", "chunks"])) Execute(connection, $"DELETE FROM {other} WHERE run = {key}");
            }
        }
        // Tables of plain texts have no values that cannot be read.
        if (table is not ("tags" or "config" or "environment")) Assert.NotEmpty(seen);
    }

    private static async Task<List<string>> Check(ServedStore served, string good, string bad, JsonElement before, string what)
    {
        var told = new List<string>();
        var (listed, list) = await served.Get("/api/runs");
        Assert.True(listed == 200, $"{what}: {list}");
        Assert.Contains(good, list.GetProperty("runs").EnumerateArray().Select(r => r.GetProperty("id").GetString()));
        told.AddRange(list.GetProperty("problems").EnumerateArray().Select(p => p.GetString()!));
        var (status, detail) = await served.Get($"/api/run?id={good}");
        Assert.True(status == 200, $"{what}: {detail}");
        foreach (var part in (string[])["series", "pictures", "texts", "config", "histograms"])
            Assert.Equal(before.GetProperty(part).ToString(), detail.GetProperty(part).ToString());
        Assert.Empty(detail.GetProperty("problems").EnumerateArray());
        Assert.Equal(200, (await served.Get("/api/figures")).Status);
        var (drawn, curves) = await served.Get($"/api/curves?tag=loss&run={good}");
        Assert.True(drawn == 200 && curves.GetProperty("curves")[0].GetProperty("count").GetInt64() == 3, $"{what}: {curves}");
        foreach (var address in (string[])["/api/run?id=", "/api/texts?id=", "/api/histograms?id=", "/api/curves?tag=loss&run=",
            "/api/requests?id="])
        {
            var (answer, json) = await served.Get(address + Uri.EscapeDataString(bad));
            // A run whose own row is odd is refused by a sentence, or is not there.
            Assert.True(answer is 200 || (what.StartsWith("runs.", StringComparison.Ordinal) && answer is 404 or 503),
                $"{what}: {address} {answer} {json}");
            if (answer == 503) told.Add(json.GetProperty("problem").GetString()!);
            if (answer == 200 && json.ValueKind == JsonValueKind.Object && json.TryGetProperty("problems", out var problems))
                told.AddRange(problems.EnumerateArray().Select(p => p.GetString()!));
            if (answer == 200 && json.ValueKind == JsonValueKind.Object && json.TryGetProperty("curves", out var found))
                told.AddRange(found.EnumerateArray().Where(c => c.TryGetProperty("problem", out _)).Select(c => c.ToString()));
        }
        Assert.Equal(404, (await served.Get("/api/run?id=nobody")).Status);
        return told;
    }

    private static void Everything(Run run)
    {
        for (var i = 1; i <= 3; i++) run.Scalar("loss", i, i);
        run.Picture("p", 1, ServedStore.Pixel);
        run.Text("t", 1, "words");
        run.Histogram("h", 1, new float[] { 1, 2, 3 });
        run.Tag("label");
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static string Ask(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToString(command.ExecuteScalar(), System.Globalization.CultureInfo.InvariantCulture)!;
    }
}
