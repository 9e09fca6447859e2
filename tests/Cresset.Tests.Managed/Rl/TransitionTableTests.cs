using System.Text.Json;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

public sealed class TransitionTableTests
{
    private static readonly JsonElement Golden = RlReference.Load("transition_tables.json").GetProperty("tables");

    public static TheoryData<string> Names => [.. Golden.EnumerateObject().Select(t => t.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void TableEqualsGymnasium(string name)
    {
        var golden = Golden.GetProperty(name);
        var table = Make(name).Model;
        var rows = golden.GetProperty("rows").EnumerateArray().Select(r => r.EnumerateArray().ToArray())
            .GroupBy(r => (r[0].GetInt32(), r[1].GetInt32())).ToList();
        Assert.Equal(golden.GetProperty("nS").GetInt32(), table.StateCount);
        Assert.Equal(golden.GetProperty("nA").GetInt32(), table.ActionCount);
        foreach (var row in rows)
        {
            var outcomes = table.Outcomes(row.Key.Item1, row.Key.Item2).ToList();
            Assert.Equal(row.Count(), outcomes.Count);
            foreach (var (expected, actual) in row.Zip(outcomes))
            {
                Assert.Equal(expected[2].GetDouble(), actual.Probability, 1e-15);
                Assert.Equal(expected[3].GetInt32(), actual.NextState);
                Assert.Equal(expected[4].GetDouble(), actual.Reward);
                Assert.Equal(Truth(expected[5]), actual.Terminated);
            }
        }
        if (!golden.TryGetProperty("note", out _)) Assert.Equal(rows.Sum(r => r.Count()), table.OutcomeCount);
        var start = golden.GetProperty("start");
        if (start.TryGetProperty("uniform_over", out var states))
        {
            Assert.Equal(states.Ints(), Enumerable.Range(0, table.StateCount).Where(s => table.Start[s] == 1.0 / 300));
        }
        else
        {
            foreach (var s in start.EnumerateObject()) Assert.Equal(s.Value.GetDouble(), table.Start[int.Parse(s.Name)]);
        }
    }

    [Fact]
    public void TaxiMasksEqualGymnasium()
    {
        var taxi = new Taxi();
        var masks = Golden.GetProperty("taxi").GetProperty("action_mask").EnumerateArray().Select(m => m.ToString()).ToArray();
        var mask = new bool[6];
        for (var s = 0; s < 500; s++)
        {
            taxi.State = s;
            taxi.WriteActionMask(mask);
            Assert.Equal(masks[s], string.Concat(mask.Select(m => m ? '1' : '0')));
        }
    }

    [Fact]
    public void RowsThatDoNotSumToOneNameStateAndAction()
    {
        var builder = new TransitionTableBuilder(3, 2).Add(1, 1, 0.5, 2, 0).Add(1, 1, 0.4, 0, 0);
        var error = Assert.Throws<InvalidOperationException>(builder.Build);
        Assert.Contains("State 1, action 1", error.Message, StringComparison.Ordinal);
        Assert.Contains("0.9", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => builder.Add(3, 0, 1, 0, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => builder.Add(0, 0, 1, -1, 0));
        Assert.Throws<ArgumentException>(() => builder.Add(0, 0, 1.5, 0, 0));
        Assert.Throws<ArgumentException>(() => builder.Add(0, 0, 1, 0, double.NaN));
        Assert.Contains("start",
            Assert.Throws<InvalidOperationException>(() => new TransitionTableBuilder(2, 1).StartIn(0, 0.3).Build()).Message,
            StringComparison.Ordinal);
    }

    private static bool Truth(JsonElement value) => value.ValueKind == JsonValueKind.Number ? value.GetInt32() != 0 : value.GetBoolean();

    private static TableEnvironment Make(string name) => name switch
    {
        "frozenlake4x4_slippery" => new FrozenLake(),
        "frozenlake4x4" => new FrozenLake(new() { IsSlippery = false }),
        "frozenlake8x8_slippery" => new FrozenLake(FrozenLakeOptions.Large),
        "frozenlake8x8" => new FrozenLake(FrozenLakeOptions.Large with { IsSlippery = false }),
        "frozenlake4x4_success08_rewards" =>
            new FrozenLake(new() { SuccessRate = 0.8, GoalReward = 10, HoleReward = -5, FrozenReward = -1 }),
        "cliffwalking" => new CliffWalking(),
        "cliffwalking_slippery" => new CliffWalking(isSlippery: true),
        "taxi" => new Taxi(),
        "taxi_rainy" => new Taxi(new() { IsRainy = true }),
        "taxi_rainy_06" => new Taxi(new() { IsRainy = true, RainyProbability = 0.6 }),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
    };
}
