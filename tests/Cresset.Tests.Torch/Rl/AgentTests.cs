using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Runs;
using Cresset.Tensors;
using Xunit;

namespace Cresset.Tests.Torch.Rl;

[LeakFree]
public sealed class AgentTests
{
    private static readonly DqnOptions Small = new()
    {
        Hidden = [24, 16],
        BatchSize = 16,
        LearningStarts = 100,
        TrainEvery = 4,
        TargetEvery = 60,
        Replay = new() { Capacity = 500 },
        LearningRate = StepSizeRule.Linear(1e-3, 1e-4, 2000)
    };

    public static TheoryData<string> Agents() => ["dqn", "rainbow", "rainbow-torch", "implicit", "munchausen-two", "pqn", "pqn-torch"];

    [Theory]
    [MemberData(nameof(Agents))]
    public void ResumedAgentsGoOnBitForBit(string name)
    {
        using var straight = Make(name, 3);
        using var stopped = Make(name, 3);
        using var resumed = Make(name, 77);
        Advance(straight, 700);
        Advance(stopped, 350);
        using (var state = new Snapshot())
        {
            stopped.Save(state);
            var path = Path.Combine(Path.GetTempPath(), $"agent-{Guid.NewGuid():N}.safetensors");
            state.Write(path);
            using var read = Snapshot.Read(path);
            File.Delete(path);
            resumed.Load(read);
        }
        Advance(resumed, 700);
        Equal(straight, resumed);
    }

    [Theory]
    [MemberData(nameof(Agents))]
    public void TheSameSeedGivesTheSameRunAndAnotherSeedAnother(string name)
    {
        using var one = Make(name, 3);
        using var two = Make(name, 3);
        using var other = Make(name, 4);
        foreach (var agent in (IAgent[])[one, two, other]) Advance(agent, 400);
        Equal(one, two);
        var (a, b) = (new Snapshot(), new Snapshot());
        using (a)
        using (b)
        {
            one.SavePolicy(a);
            other.SavePolicy(b);
            Assert.Contains(a.Tensors, t => !t.Value.bytes.SequenceEqual(b.Tensors[t.Key].bytes));
        }
    }

    [Fact]
    public void AutoTakesTheNativePathForSmallNetworks()
    {
        using var small = new DqnAgent(CartPoles(1), Small, 1);
        using var wide = new DqnAgent(CartPoles(1), Small with { Hidden = [1024] }, 1);
        Assert.True(small.IsNative);
        Assert.False(wide.IsNative);
    }

    [Fact]
    public void DivergenceNamesTheStep()
    {
        using var agent = new DqnAgent(CartPoles(1), Small with { LearningRate = StepSizeRule.Constant(1e30) }, 1);
        var error = Assert.Throws<DivergenceException>(() => Advance(agent, 1000));
        Assert.InRange(error.Step, 100, 1000);
        Assert.Contains($"step {error.Step}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gamma", "Gamma is 1.5; allowed: [0, 1]")]
    [InlineData("batch", "at most replay.capacity")]
    [InlineData("exploration", "shares in [0, 1]")]
    [InlineData("munchausen", "only with values=mean")]
    [InlineData("native-iqn", "auto or torch")]
    [InlineData("atoms", "greater than MinimumValue")]
    public void WrongOptionsAreRefused(string what, string message)
    {
        var options = what switch
        {
            "gamma" => Small with { Gamma = 1.5 },
            "batch" => Small with { BatchSize = 501 },
            "exploration" => Small with { Exploration = StepSizeRule.Constant(2) },
            "munchausen" => Small with { Munchausen = true, Values = ValueKind.Quantile },
            "native-iqn" => Small with { Backend = NetworkBackend.Native, Values = ValueKind.Implicit },
            _ => Small with { MaximumValue = -10 },
        };
        Assert.Contains(message, Assert.Throws<InvalidOptionsException>(() => new DqnAgent(CartPoles(1), options, 1)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void EnvironmentsThatDoNotFitAreRefused()
    {
        var next = new SyncVectorEnvironment<float, int>(1, () => new CartPole(), AutoresetMode.NextStep);
        Assert.Contains("SameStep", Assert.Throws<ArgumentException>(() => new DqnAgent(next, Small, 1)).Message, StringComparison.Ordinal);
        Assert.Contains("[channels, height, width]",
            Assert.Throws<ArgumentException>(() => new DqnAgent(CartPoles(1), Small with { Encoder = ObservationEncoder.Conv }, 1)).Message,
            StringComparison.Ordinal);
        using var agent = new DqnAgent(CartPoles(1), Small, 1);
        Assert.Contains("rows of 4", Assert.Throws<ArgumentException>(() => agent.Act(new float[7], 2, new int[2])).Message,
            StringComparison.Ordinal);
        Assert.Contains("the agent reads 4",
            Assert.Throws<ArgumentException>(() => EpisodeEvaluation.Run(agent, () => new MountainCar(), 2, 1)).Message,
            StringComparison.Ordinal);
        using var state = new Snapshot();
        Assert.Throws<InvalidDataException>(() => agent.Load(state));
        using var pqn = Make("pqn", 1);
        pqn.Save(state);
        Assert.Contains("belongs to 'pqn'", Assert.Throws<InvalidDataException>(() => agent.Load(state)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EvaluationPlaysWholeEpisodesAndLeavesTheAgentAlone()
    {
        using var agent = new DqnAgent(CartPoles(1), Small, 1);
        using var untouched = new DqnAgent(CartPoles(1), Small, 1);
        Advance(agent, 150);
        Advance(untouched, 150);
        var score = EpisodeEvaluation.Run(agent, CartPole, 12, 5);
        Assert.Equal(12, score.Returns.Count);
        for (var i = 0; i < 12; i++) Assert.Equal(score.Returns[i], score.Lengths[i]);
        Assert.Equal(score.Mean, EpisodeEvaluation.Run(agent, CartPole, 12, 5).Mean);
        // One by one as side by side.
        var seeds = new RandomStream(5);
        for (var i = 0; i < 12; i++)
        {
            var environment = CartPole();
            var observation = environment.Reset(seeds.NextUInt64());
            var action = new int[1];
            var sum = 0.0;
            StepOutcome outcome;
            do
            {
                agent.Act(observation, 1, action);
                outcome = environment.Step(action, observation);
                sum += outcome.Reward;
            }
            while (!outcome.Ended);
            Assert.Equal(score.Returns[i], sum);
        }
        Advance(agent, 300);
        Advance(untouched, 300);
        Equal(agent, untouched);
    }

    [Fact]
    public void ADqnLearnsToBalance()
    {
        var options = DqnOptions.ZooCartPole with
        {
            Hidden = [64, 64],
            TrainEvery = 1,
            UpdatesPerTraining = 1,
            TargetEvery = 100,
            LearningRate = StepSizeRule.Linear(2e-3, 0, 9000),
            Exploration = StepSizeRule.Linear(1, 0.04, 3000)
        };
        using var agent = new DqnAgent(CartPoles(1), options, 1);
        var loop = new AgentLoop(agent, CartPole, new AgentLoopOptions { Steps = 9000, EvaluateEvery = 1500, EvaluationEpisodes = 20 },
            NullRunRecorder.Instance);
        Assert.True(loop.Run());
        Assert.True(loop.BestReturn > 150, $"best greedy return {loop.BestReturn}");
        Assert.Equal(6, loop.Evaluations.Count);
    }

    private static IAgent Make(string name, ulong seed) => name switch
    {
        "rainbow" => new DqnAgent(CartPoles(2), Rainbow(NetworkBackend.Native), seed),
        "rainbow-torch" => new DqnAgent(CartPoles(2), Rainbow(NetworkBackend.Torch), seed),
        "implicit" => new DqnAgent(CartPoles(1), Small with { Values = ValueKind.Implicit, Atoms = 8, TrainEvery = 10 }, seed),
        "munchausen-two" => new DqnAgent(CartPoles(2), Small with { Munchausen = true, TargetEvery = 1, TargetShare = 0.01 }, seed),
        "pqn" => new PqnAgent(CartPoles(3), new PqnOptions { Hidden = [16, 16], RolloutSteps = 32 }, seed),
        "pqn-torch" =>
            new PqnAgent(CartPoles(3), new PqnOptions { Hidden = [16, 16], RolloutSteps = 32, Epochs = 1, Backend = NetworkBackend.Torch },
                seed),
        _ => new DqnAgent(CartPoles(1), Small, seed),
    };

    private static DqnOptions Rainbow(NetworkBackend backend)
        => DqnOptions.Rainbow with
        {
            Hidden = [16, 16],
            BatchSize = 16,
            LearningStarts = 100,
            TrainEvery = 8,
            TargetEvery = 60,
            Atoms = 11,
            Backend = backend,
            Replay = DqnOptions.Rainbow.Replay with { Capacity = 300 }
        };

    private static SyncVectorEnvironment<float, int> CartPoles(int count) => new(count, CartPole, AutoresetMode.SameStep);

    private static IEnvironment<float, int> CartPole() => EnvironmentCatalog.Find("CartPole-v1").Create<float, int>();

    private static void Advance(IAgent agent, long to)
    {
        while (agent.Step < to) agent.Advance();
    }

    private static void Equal(IAgent expected, IAgent actual)
    {
        using var left = new Snapshot();
        using var right = new Snapshot();
        expected.Save(left);
        actual.Save(right);
        Assert.Equal(expected.Step, actual.Step);
        Assert.Equal(left.Texts, right.Texts);
        Assert.Equal(left.Tensors.Keys.Order(), right.Tensors.Keys.Order());
        foreach (var (key, tensor) in left.Tensors) Assert.True(tensor.bytes.SequenceEqual(right.Tensors[key].bytes), key);
    }
}
