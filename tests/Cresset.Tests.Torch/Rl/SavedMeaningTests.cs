using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Rl;

/// <summary>Options that leave the shapes of what is saved as they are, but not its meaning.</summary>
[LeakFree]
public sealed class SavedMeaningTests
{
    public static TheoryData<string> Options => ["minimum_value", "maximum_value", "munchausen", "activation", "reinforce"];

    [Theory]
    [MemberData(nameof(Options))]
    public void AStateOfAnotherMeaningIsRefused(string option)
    {
        using var saved = Make(option, other: false);
        saved.Advance();
        using var state = new Snapshot();
        saved.Save(state);
        using var same = Make(option, other: false);
        same.Load(state);
        using var other = Make(option, other: true);
        Assert.Contains(option == "reinforce" ? "activation" : option,
            Assert.Throws<InvalidDataException>(() => other.Load(state)).Message, StringComparison.Ordinal);
        if (option == "munchausen") return;
        // The policy alone says it too.
        using var policy = new Snapshot();
        saved.SavePolicy(policy);
        same.LoadPolicy(policy);
        Assert.Throws<InvalidDataException>(() => other.LoadPolicy(policy));
    }

    // Transitions are drawn by their numbers: with another file a resumed run would learn from both, and say so nowhere.
    [Fact]
    public void ACloneDoesNotGoOnWithOtherTransitions()
    {
        var file = Path.Combine(Path.GetTempPath(), $"cresset-transitions-{Guid.NewGuid():n}.safetensors");
        try
        {
            using var first = Clone(file, reward: 1);
            first.Advance();
            using var state = new Snapshot();
            first.Save(state);
            using var same = Clone(file, reward: 1);
            same.Load(state);
            Assert.Equal(first.Step, same.Step);
            using var other = Clone(file, reward: 2);
            Assert.Contains("other transitions", Assert.Throws<InvalidDataException>(() => other.Load(state)).Message,
                StringComparison.Ordinal);
            Assert.Equal(0, other.Step);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static CloningAgent<int> Clone(string file, float reward)
    {
        using (var scope = NewDisposeScope())
        {
            SafetensorsWriter.Write(file, new Dictionary<string, Tensor>
            {
                ["observations"] = zeros(4, 4),
                ["actions"] = tensor(new float[] { 0, 1, 0, 1 }),
                ["rewards"] = full([4L], reward),
                ["terminated"] = zeros(4),
                ["truncated"] = zeros(4),
                ["next_observations"] = zeros(4, 4),
            });
        }
        return new(new SyncVectorEnvironment<float, int>(1, () => new CartPole(), AutoresetMode.SameStep),
            new CloningOptions { Data = file, BatchSize = 2, Hidden = [4] }, TransitionData.Read(file), 1);
    }

    [Theory]
    [InlineData("minimum_value")]
    [InlineData("activation")]
    public void APolicyDoesNotActOnNaN(string kind)
    {
        using var agent = (IAgent<int>)Make(kind, other: false);
        var actions = new int[1];
        Assert.Contains("Value 2 of observation 0 is NaN",
            Assert.Throws<ArgumentException>(() => agent.Act([0, 0, float.NaN, 0], 1, actions)).Message, StringComparison.Ordinal);
        agent.Act([0, 0, 0, 0], 1, actions);
    }

    [Fact]
    public void DistributionsAndLossesNameWhatTheyCannotTake()
    {
        var room = new double[3];
        Assert.Throws<ArgumentOutOfRangeException>(() => CategoricalDistribution.Project(double.NaN, .9, [.2, .3, .5], -1, 1, room));
        Assert.Throws<ArgumentException>(() => CategoricalDistribution.Project(1, .9, [1.0], 0, 0, room.AsSpan(0, 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => RegressionLoss.Huber(2.0, -1.0));
    }

    private static ILearner Make(string option, bool other)
    {
        var poles = new SyncVectorEnvironment<float, int>(2, () => new TimeLimit<float, int>(new CartPole(), 50), AutoresetMode.SameStep);
        var activation = option is "activation" or "reinforce" && other ? MlpActivation.Relu : MlpActivation.Tanh;
        return option switch
        {
            "activation" => new ActorCriticAgent<int>(poles,
                ActorCriticOptions.Ppo with { Hidden = [8], RolloutSteps = 8, Minibatches = 2, Activation = activation }, 1),
            "reinforce" => new ReinforceAgent<int>(poles, new() { Hidden = [8], Activation = activation }, 1),
            _ => new DqnAgent(poles, new()
            {
                Hidden = [8],
                BatchSize = 16,
                Replay = new() { Capacity = 64 },
                Values = option == "munchausen" ? ValueKind.Mean : ValueKind.Categorical,
                Munchausen = option == "munchausen" && other,
                MinimumValue = option == "minimum_value" && other ? -9 : -2,
                MaximumValue = option == "maximum_value" && other ? 9 : 2,
            }, 1),
        };
    }
}
