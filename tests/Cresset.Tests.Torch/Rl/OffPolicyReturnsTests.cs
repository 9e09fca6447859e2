using System.Text.Json;
using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Xunit;

namespace Cresset.Tests.Torch.Rl;

/// <summary>V-trace, Retrace, n-step sums and hindsight against forward sums in plain Python.</summary>
public sealed class OffPolicyReturnsTests
{
    private static readonly JsonElement Reference = JsonDocument.Parse(
        File.ReadAllText(Path.Combine(Repository.Root, "tests", "References", "rl", "off_policy.json"))).RootElement;

    public static TheoryData<int> Cases => [.. Enumerable.Range(0, Reference.GetProperty("cases").GetArrayLength())];

    [Theory]
    [MemberData(nameof(Cases))]
    public void ReturnsEqualTheReference(int index)
    {
        var given = Reference.GetProperty("cases")[index];
        float[] ratios = given.Floats("ratios"), rewards = given.Floats("rewards"), values = given.Floats("values"),
            next = given.Floats("next_values");
        bool[] terminated = given.Flags("terminated"), truncated = given.Flags("truncated");
        var (gamma, lambda) = (given.Number("gamma"), given.Number("lambda"));
        var (targets, advantages) = (new float[rewards.Length], new float[rewards.Length]);
        OffPolicyReturns.VTrace(ratios, rewards, values, next, terminated, truncated, gamma, lambda, given.Number("rho_limit"),
            given.Number("trace_limit"), targets, advantages);
        Near(given.GetProperty("vtrace").Doubles("targets"), targets);
        Near(given.GetProperty("vtrace").Doubles("advantages"), advantages);
        OffPolicyReturns.Retrace(ratios, rewards, values, next, terminated, truncated, gamma, lambda, targets);
        Near(given.Doubles("retrace"), targets);
        OffPolicyReturns.NStep(rewards, next, terminated, truncated, gamma, (int)given.Number("steps"), targets);
        Near(given.Doubles("n_step"), targets);

        // With equal policies V-trace and Retrace are the lambda return that GAE gives.
        Array.Fill(ratios, 1);
        var (same, returns) = (new float[rewards.Length], new float[rewards.Length]);
        GeneralizedAdvantage.Compute(rewards, values, next, terminated, truncated, gamma, lambda, same, returns);
        OffPolicyReturns.VTrace(ratios, rewards, values, next, terminated, truncated, gamma, lambda, 1, 1, targets, advantages);
        Near([.. returns.Select(r => (double)r)], targets);
        OffPolicyReturns.Retrace(ratios, rewards, values, next, terminated, truncated, gamma, lambda, targets);
        Near([.. returns.Select(r => (double)r)], targets);
        Assert.Throws<ArgumentException>(() => OffPolicyReturns.NStep(rewards, next.AsSpan(1), terminated, truncated, gamma, 1, targets));
    }

    [Fact]
    public void HindsightDrawsEveryTransitionUnderEveryLaterGoalWithItsChance()
    {
        var given = Reference.GetProperty("hindsight");
        var states = given.GetProperty("achieved").EnumerateArray().Select(s => s.EnumerateArray().Select(v => v.GetSingle()).ToArray())
            .ToList();
        var wanted = given.GetProperty("wanted").EnumerateArray().Select(s => s.EnumerateArray().Select(v => v.GetSingle()).ToArray())
            .ToList();
        var terminated = given.Flags("terminated");
        using var buffer = new ReplayBuffer(new() { Capacity = 4, Hindsight = (int)given.Number("others") }, 6, 1, given.Number("gamma"),
            goals: new BitFlip(3));
        for (var t = 0; t < wanted.Count; t++)
        {
            buffer.Add(0, [.. states[t], .. wanted[t]], t, new StepOutcome(-1, terminated[t]), [.. states[t + 1], .. wanted[t]]);
            buffer.EndTurn();
        }
        var rows = given.GetProperty("rows").EnumerateArray().ToDictionary(r => Key((int)r.Number("step"), r.Floats("goal")), r => r);
        var seen = rows.Keys.ToDictionary(k => k, _ => 0);
        var (batch, random, draws) = (new ReplayBatch(4, 6), new RandomStream(1), 5000);
        for (var draw = 0; draw < draws; draw++)
        {
            buffer.Sample(batch, random);
            for (var i = 0; i < 4; i++)
            {
                var here = batch.Observations.AsSpan(i * 6, 6);
                var next = batch.NextObservations.AsSpan(i * 6, 6);
                var key = Key(batch.Actions[i], here[3..].ToArray());
                Assert.True(rows.ContainsKey(key), key);
                seen[key]++;
                Assert.Equal(states[batch.Actions[i]], here[..3].ToArray());
                Assert.Equal(states[batch.Actions[i] + 1], next[..3].ToArray());
                Assert.Equal(here[3..].ToArray(), next[3..].ToArray());
                Assert.Equal(rows[key].Number("reward"), batch.Returns[i]);
                Assert.Equal(rows[key].Number("discount"), batch.Discounts[i], 1e-6);
            }
        }
        foreach (var (key, count) in seen)
        {
            var chance = rows[key].Number("chance");
            // Four standard deviations.
            Assert.Equal(chance, count / (4.0 * draws), 4 * Math.Sqrt(chance * (1 - chance) / (4.0 * draws)));
        }
    }

    private static string Key(int step, float[] goal) => $"{step}: {string.Join(' ', goal)}";

    private static void Near(double[] expected, float[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        for (var i = 0; i < found.Length; i++) Assert.Equal(expected[i], found[i], 2e-5 * Math.Max(1, Math.Abs(expected[i])));
    }
}
