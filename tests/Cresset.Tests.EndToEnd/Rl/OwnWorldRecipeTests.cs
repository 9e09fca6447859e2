using Cresset.Tests.EndToEnd.Cli;
using Xunit;

namespace Cresset.Tests.EndToEnd.Rl;

/// <summary>
/// Environments of a user's assembly by name: listed, shown, trained by an agent and by a table, resumed, evaluated, played, filmed.
/// </summary>
public sealed class OwnWorldRecipeTests : IDisposable
{
    private static readonly string Samples = Path.Combine(Repository.Root, "samples", "Cresset.Samples.Worlds");
    private static readonly string Assembly = Path.Combine(Repository.Root, "artifacts", "bin", "Cresset.Samples.Worlds",
        new DirectoryInfo(AppContext.BaseDirectory).Name, "Cresset.Samples.Worlds.dll");
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-world-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void AWorldIsListedWithItsSpacesAndShownWithItsOptions()
    {
        var list = Ok("rl", "envs", "--with", Assembly);
        Assert.Contains(list.Split('\n'),
            line => line.TrimStart().StartsWith("thermostat", StringComparison.Ordinal) && line.Contains("Box", StringComparison.Ordinal)
                && line.Contains("96", StringComparison.Ordinal) && line.Contains("-60", StringComparison.Ordinal));
        Assert.Contains(list.Split('\n'),
            line => line.TrimStart().StartsWith("inventory", StringComparison.Ordinal)
                && line.Contains("masked", StringComparison.Ordinal));
        Assert.Contains("Wanted temperature", Ok("show", "thermostat", "--with", Assembly), StringComparison.Ordinal);
        Assert.Contains("flatten-observation", Ok("list", "wrappers"), StringComparison.Ordinal);
    }

    [Fact]
    public void AnAgentLearnsInAWorldOfItsOwnAssembly()
    {
        string[] brief = ["training.steps=600", "training.evaluate_every=300", "training.evaluation_episodes=3",
            "training.checkpoint_every=300", "agent.learning_starts=100"];
        var output = Ok(["train", "--with", Assembly, Path.Combine(Samples, "thermostat.yaml"), .. brief]);
        Assert.Contains("best_policy_return", output, StringComparison.Ordinal);
        var config = File.ReadAllText(Path.Combine(Directory.GetDirectories(Path.Combine(_folder, "runs"))[0], "config.yaml"));
        Assert.Contains("kind: thermostat", config, StringComparison.Ordinal);
        Assert.Contains("target: 20", config, StringComparison.Ordinal);
        Assert.Contains("normalize-observation", config, StringComparison.Ordinal);
        Assert.Contains("return", Ok("eval", "thermostat", "--with", Assembly), StringComparison.Ordinal);
        var film = Path.Combine(_folder, "room.gif");
        Assert.Contains("frames", Ok("rl", "play", "thermostat", "--with", Assembly, "--gif", film), StringComparison.Ordinal);
        Assert.True(File.Exists(film));
        Assert.Contains("best_policy_return", Ok("train", "--resume", "thermostat", "--with", Assembly, "training.steps=900"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void ATableLearnsInAWorldWithMasks()
    {
        string[] solve = ["rl", "solve", "inventory", "--with", Assembly, "environment.capacity=5", "--algo", "q-learning", "--gamma",
            "0.95", "--episodes", "300", "--seeds", "1"];
        Assert.Contains("return_greedy", Ok(solve), StringComparison.Ordinal);
        Assert.Contains("return ", Ok("rl", "play", "inventory-q-learning", "--with", Assembly), StringComparison.Ordinal);
        Assert.Contains("return_greedy",
            Ok("train", "--with", Assembly, Path.Combine(Samples, "inventory.yaml"), "episodes=200", "seeds=1"), StringComparison.Ordinal);
        var (code, _, error) = CressetProcess.Run(_folder, "rl", "play", "inventory-q-learning");
        Assert.Equal(2, code);
        Assert.Contains("--with My.dll", error, StringComparison.Ordinal);
    }

    [Fact]
    public void WrappersMakeTablesOfNumbersAndNetworksOfChoices()
    {
        Assert.Contains("return_greedy",
            Ok("rl", "solve", "Pendulum", "environment.wrappers=discretize-observation,discretize-action", "--algo", "q-learning",
                "--episodes", "20", "--seeds", "1"), StringComparison.Ordinal);
        Assert.Contains("best_policy_return",
            Ok("train", "dqn-cartpole", "training.environment=FrozenLake", "training.environment.wrappers=flatten-observation",
            "training.steps=1500", "training.evaluation_episodes=3", "training.evaluate_every=0"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("train dqn-cartpole training.environment=thermostat", "unknown environment 'thermostat'")]
    [InlineData("train dqn-cartpole training.environment=Taxi", "flatten-observation")]
    [InlineData("train sac-pendulum training.environment=CartPole", "actions Discrete(2)")]
    [InlineData("train dqn-cartpole training.environment.wrappers=flatten-observation", "needs observations of choices")]
    [InlineData("train dqn-cartpole training.environment.wrappers=[normalise-observation]", "Did you mean 'normalize-observation'?")]
    [InlineData("train dqn-cartpole training.environment.max_episode_steps=0", "at least 1, or null")]
    [InlineData("train qlearning-taxi solve.algorithm=sarsa-tiles", "drives SuttonMountainCar")]
    public void WhatDoesNotFitIsRefusedBeforeARunIsRecorded(string arguments, string message)
    {
        var (code, _, error) = CressetProcess.Run(_folder, arguments.Split(' '));
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Equal(2, code);
        Assert.False(Directory.Exists(Path.Combine(_folder, "runs")) && Directory.GetDirectories(Path.Combine(_folder, "runs")).Length > 0);
    }

    private string Ok(params string[] arguments)
    {
        var (code, output, error) = CressetProcess.Run(_folder, arguments);
        Assert.True(code == 0, error);
        return output;
    }
}
