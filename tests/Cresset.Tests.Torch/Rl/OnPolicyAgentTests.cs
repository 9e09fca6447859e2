using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using Xunit;

namespace Cresset.Tests.Torch.Rl;

/// <summary>Agents of the policy-gradient family: they learn, repeat themselves, go on exactly, and say what is wrong.</summary>
[LeakFree]
public sealed class OnPolicyAgentTests
{
    public static TheoryData<string> Kinds =>
        ["ppo", "a2c", "reinforce", "ppo-continuous", "ppo-v-trace", "a2c-v-trace", "memory-v-trace", "reinforce-memory"];

    [Theory]
    [InlineData("ppo", 40_000)]
    [InlineData("a2c", 80_000)]
    [InlineData("reinforce", 120_000)]
    [InlineData("ppo-v-trace", 40_000)]
    [InlineData("a2c-v-trace", 60_000)]
    public void CartPoleIsLearned(string kind, int steps)
    {
        using var agent = (IAgent<int>)Make(kind, 1);
        var best = 0.0;
        for (var next = steps / 8; agent.Step < steps && best < 475;)
        {
            agent.Advance();
            if (agent.Step < next) continue;
            next += steps / 8;
            best = Math.Max(best, EpisodeEvaluation.Run(agent, () => new TimeLimit<float, int>(new CartPole(), 500), 20, 9).Mean);
        }
        Assert.True(best >= 400, $"{kind} reaches {best} in {agent.Step} steps.");
    }

    [Fact]
    public void ThePendulumIsSwungUp()
    {
        using var agent = new ActorCriticAgent<float>(Swings(4),
            new()
            {
                RolloutSteps = 512,
                Minibatches = 32,
                Epochs = 10,
                Gamma = 0.9,
                Lambda = 0.9,
                LearningRate = StepSizeRule.Constant(2e-3)
            }, 2);
        while (agent.Step < 60_000) agent.Advance();
        var score = EpisodeEvaluation.Run(agent, () => new TimeLimit<float, float>(new Pendulum(), 200), 20, 9);
        // Doing nothing scores about -1200.
        Assert.True(score.Mean > -500, $"mean return {score.Mean}");
        Assert.True(agent.Episodes.Count > 200);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void TheSameSeedGivesTheSameBits(string kind)
    {
        using var first = Make(kind, 3);
        using var second = Make(kind, 3);
        using var other = Make(kind, 4);
        foreach (var agent in (ILearner[])[first, second, other]) Learn(agent, 4);
        Assert.Equal(Bits(first), Bits(second));
        Assert.NotEqual(Bits(first), Bits(other));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ARestoredAgentGoesOnExactly(string kind)
    {
        using var whole = Make(kind, 5);
        Learn(whole, 4);
        using var begun = Make(kind, 5);
        Learn(begun, 2);
        using var state = new Snapshot();
        begun.Save(state);
        using var restored = Make(kind, 6);
        restored.Load(state);
        Learn(restored, 2);
        Assert.Equal(Bits(whole), Bits(restored));
        Assert.Equal(whole.Step, restored.Step);

        using var policy = new Snapshot();
        whole.SavePolicy(policy);
        using var player = Make(kind, 7);
        player.LoadPolicy(policy);
        float[] observations = [.. Enumerable.Range(0, 6 * whole.ObservationSize).Select(i => MathF.Sin(i))];
        Assert.Equal(Act(whole, observations), Act(player, observations));
    }

    [Fact]
    public void LearningEndsEarlyWhenThePolicyHasMovedFar()
    {
        double Kl(double target)
        {
            using var agent = new ActorCriticAgent<int>(Carts(4),
                new() { RolloutSteps = 64, Epochs = 20, Minibatches = 1, TargetKl = target, LearningRate = StepSizeRule.Constant(2e-2) },
                1);
            for (var i = 0; i < 5; i++) agent.Advance();
            var kl = double.NaN;
            agent.Report((name, value) => kl = name == "kl" ? value : kl);
            return kl;
        }
        Assert.True(Kl(0.01) < Kl(0), $"{Kl(0.01)} with a target, {Kl(0)} without");
    }

    /// <summary>
    /// A policy that does not move is its own rollout's: V-trace is then GAE, for rows alone, in parts and with a memory.
    /// </summary>
    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 0)]
    [InlineData(2, 8)]
    public void VTraceOfAPolicyThatStaysIsGae(int minibatches, int memory)
    {
        float[][] Judged(AdvantageEstimator advantage)
        {
            using var agent = new ActorCriticAgent<int>(Carts(4), new()
            {
                RolloutSteps = 48,
                Minibatches = minibatches,
                Epochs = 2,
                Memory = memory,
                Advantage = advantage,
                LearningRate = StepSizeRule.Constant(1e-12)
            }, 1);
            for (var i = 0; i < 3; i++) agent.Advance();
            return [agent.Rollout.Advantages, agent.Rollout.Returns];
        }
        var (gae, trace) = (Judged(AdvantageEstimator.Gae), Judged(AdvantageEstimator.VTrace));
        for (var k = 0; k < 2; k++)
        {
            for (var i = 0; i < gae[k].Length; i++) Assert.Equal(gae[k][i], trace[k][i], 1e-3f);
        }
    }

    [Fact]
    public void WrongUseIsNamed()
    {
        Assert.Contains("Advantage is VTrace",
            Assert.Throws<InvalidOptionsException>(() => new ActorCriticAgent<int>(Carts(2),
                new() { Epochs = 1, Advantage = AdvantageEstimator.VTrace }, 1)).Message, StringComparison.Ordinal);
        Assert.Contains("which 7 minibatches do not divide",
            Assert.Throws<ArgumentException>(
                () => new ActorCriticAgent<int>(Carts(2), new() { RolloutSteps = 8, Minibatches = 7 }, 1)).Message,
                StringComparison.Ordinal);
        Assert.Contains("Epochs is 2",
            Assert.Throws<InvalidOptionsException>(
                () => new ActorCriticAgent<int>(Carts(2), ActorCriticOptions.A2c with { Epochs = 2 }, 1)).Message,
                StringComparison.Ordinal);
        Assert.Contains("Gamma is 1.5",
            Assert.Throws<InvalidOptionsException>(() => new ReinforceAgent<int>(Carts(2), new() { Gamma = 1.5 }, 1)).Message,
            StringComparison.Ordinal);
        Assert.Contains("SameStep",
            Assert.Throws<ArgumentException>(
                () => new ActorCriticAgent<int>(new SyncVectorEnvironment<float, int>(2, () => new CartPole()), new(), 1)).Message,
                StringComparison.Ordinal);
        using var ppo = Make("ppo", 1);
        using var reinforce = Make("reinforce", 1);
        using var state = new Snapshot();
        reinforce.Save(state);
        Assert.Contains("belongs to 'reinforce'", Assert.Throws<InvalidDataException>(() => ppo.Load(state)).Message,
            StringComparison.Ordinal);
        var broken = new SyncVectorEnvironment<float, int>(2,
            () => new TimeLimit<float, int>(new TransformReward<float, int>(new CartPole(), _ => double.NaN), 500), AutoresetMode.SameStep);
        using var agent = new ActorCriticAgent<int>(broken, new() { RolloutSteps = 16, Minibatches = 1 }, 1);
        Assert.Contains("32", Assert.Throws<DivergenceException>(agent.Advance).Message, StringComparison.Ordinal);
    }

    private static ILearner Make(string kind, ulong seed) => kind switch
    {
        "ppo" =>
            new ActorCriticAgent<int>(Carts(8),
                new()
                {
                    RolloutSteps = 32,
                    Minibatches = 2,
                    Epochs = 10,
                    Gamma = 0.98,
                    Lambda = 0.8,
                    LearningRate = StepSizeRule.Constant(1e-3)
                }, seed),
        "ppo-v-trace" =>
            new ActorCriticAgent<int>(Carts(8),
                new()
                {
                    RolloutSteps = 32,
                    Minibatches = 2,
                    Epochs = 10,
                    Advantage = AdvantageEstimator.VTrace,
                    Gamma = 0.98,
                    Lambda = 0.8,
                    LearningRate = StepSizeRule.Constant(1e-3)
                }, seed),
        "a2c-v-trace" => new ActorCriticAgent<int>(Carts(8), ActorCriticOptions.A2c with
        {
            Epochs = 2,
            Advantage = AdvantageEstimator.VTrace,
            LearningRate = StepSizeRule.Constant(2e-3)
        }, seed),
        "reinforce-memory" => new ReinforceAgent<int>(Carts(3), new() { Memory = 8, Hidden = [8], LongestEpisode = 100 }, seed),
        "memory-v-trace" => new ActorCriticAgent<int>(Carts(4),
            new() { RolloutSteps = 16, Minibatches = 2, Epochs = 2, Memory = 8, Advantage = AdvantageEstimator.VTrace }, seed),
        "a2c" => new ActorCriticAgent<int>(Carts(8), ActorCriticOptions.A2c with { LearningRate = StepSizeRule.Constant(2e-3) }, seed),
        "reinforce" => new ReinforceAgent<int>(Carts(8), new() { LearningRate = StepSizeRule.Constant(1e-2), LongestEpisode = 500 }, seed),
        _ => new ActorCriticAgent<float>(Swings(4), new() { RolloutSteps = 64, Minibatches = 4, Epochs = 3, Gamma = 0.9 }, seed),
    };

    private static SyncVectorEnvironment<float, int> Carts(int count) =>
        new(count, () => new TimeLimit<float, int>(new CartPole(), 500), AutoresetMode.SameStep);

    private static SyncVectorEnvironment<float, float> Swings(int count) =>
        new(count, () => new TimeLimit<float, float>(new Pendulum(), 200), AutoresetMode.SameStep);

    private static void Learn(ILearner agent, int rounds)
    {
        for (var i = 0; i < rounds; i++) agent.Advance();
    }

    private static string Act(ILearner agent, float[] observations)
    {
        var count = observations.Length / agent.ObservationSize;
        if (agent is IAgent<float> continuous)
        {
            var torques = new float[count];
            continuous.Act(observations, count, torques);
            return string.Join(' ', torques);
        }
        var choices = new int[count];
        ((IAgent<int>)agent).Act(observations, count, choices);
        return string.Join(' ', choices);
    }

    private static string Bits(ILearner agent)
    {
        using var state = new Snapshot();
        agent.Save(state);
        return string.Join('\n',
            state.Tensors.OrderBy(t => t.Key, StringComparer.Ordinal)
                .Select(t => t.Key + Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(t.Value.bytes))))
            + string.Join('\n', state.Texts.OrderBy(t => t.Key, StringComparer.Ordinal));
    }
}
