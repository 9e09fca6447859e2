using System.Text.Json;
using Cresset.Tests.EndToEnd.Cli;
using Xunit;

namespace Cresset.Tests.EndToEnd.Rl;

/// <summary><c>cresset rl</c> as a user runs it: list, solve, sweep, play; wrong input.</summary>
public sealed class RlCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-rl-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void EnvironmentsAreListed()
    {
        Assert.Contains("FrozenLake8x8-v1", Ok("rl", "envs"), StringComparison.Ordinal);
        var list = Json("rl", "envs", "--json").EnumerateArray().ToDictionary(e => e.GetProperty("name").GetString()!);
        Assert.True(list["Taxi-v4"].GetProperty("has_model").GetBoolean());
        Assert.False(list["CartPole-v1"].GetProperty("has_model").GetBoolean());
        Assert.Equal(500, list["CartPole-v1"].GetProperty("max_episode_steps").GetInt32());
    }

    [Fact]
    public void APlanIsSolvedRecordedAndPlayed()
    {
        var solved = Json("rl", "solve", "ZhaoGridWorld", "--algo", "policy-iteration", "--gamma", "0.9", "--json");
        Assert.Equal(10, solved.GetProperty("values")[17].GetDouble(), 1e-9);
        Assert.Equal(25, solved.GetProperty("actions").GetArrayLength());
        Assert.InRange(solved.GetProperty("summary").GetProperty("bellman_residual").GetDouble(), 0, 1e-9);
        var pictures = solved.GetProperty("pictures").EnumerateArray().Select(p => p.GetString()!).ToList();
        Assert.Contains(pictures, p => p.EndsWith("values.png", StringComparison.Ordinal));
        Assert.All(pictures, IsPng);
        Assert.True(File.Exists(Path.Combine(solved.GetProperty("folder").GetString()!, "policy.json")));
        Assert.Contains("\"finished\"", Ok("runs", "--json"), StringComparison.Ordinal);

        var text = Ok("rl", "play", "ZhaoGridWorld-policy-iteration", "--max-steps", "5");
        Assert.Contains("step 5", text, StringComparison.Ordinal);
        Assert.Contains("return ", text, StringComparison.Ordinal);
        var gif = Path.Combine(_folder, "episode.gif");
        Assert.Contains("6 frames", Ok("rl", "play", "ZhaoGridWorld-policy-iteration", "--max-steps", "5", "--gif", gif),
            StringComparison.Ordinal);
        Assert.Equal("GIF89a"u8.ToArray(), File.ReadAllBytes(gif)[..6]);
    }

    [Fact]
    public void ALearnerIsTheSameForTheSameSeed()
    {
        string[] arguments = ["rl", "solve", "FrozenLake", "--algo", "q-learning", "--episodes", "300", "--seeds", "2", "--json"];
        var (first, second) = (Json(arguments), Json(arguments));
        Assert.Equal(first.GetProperty("values").GetRawText(), second.GetProperty("values").GetRawText());
        Assert.Equal(2,
            first.GetProperty("pictures").EnumerateArray()
                .Count(p => p.GetString()!.EndsWith("returns.png", StringComparison.Ordinal)
                    || p.GetString()!.EndsWith("lengths.png", StringComparison.Ordinal)));
        Assert.NotEqual(first.GetProperty("id").GetString(), second.GetProperty("id").GetString());
    }

    [Fact]
    public void ASweepWritesItsPicture()
    {
        var swept = Json("rl", "sweep", "n-step", "--repetitions", "1", "--json");
        IsPng(swept.GetProperty("picture").GetString()!);
        Assert.Equal(80, swept.GetProperty("points").GetArrayLength());
    }

    [Fact]
    public void ARecipeIsTrainedEvaluatedSampledAndPlayed()
    {
        var trained = Json("train", "zhao-gridworld-sarsa", "seeds=5", "episodes=100", "book=[]", "--json");
        Assert.True(trained.GetProperty("completed").GetBoolean());
        var pictures = trained.GetProperty("pictures").EnumerateArray().Select(p => p.GetString()!).ToList();
        Assert.Equal(3, pictures.Count);
        Assert.All(pictures, IsPng);
        var evaluated = Json("eval", "zhao-gridworld-sarsa", "--json").GetProperty("metrics");
        Assert.Equal(trained.GetProperty("metrics").GetProperty("optimal_actions").GetDouble(),
            evaluated.GetProperty("optimal_actions").GetDouble());
        Assert.Contains("episode-3.gif", Ok("sample", "zhao-gridworld-sarsa", "--seed", "3"), StringComparison.Ordinal);
        Assert.Contains("return ", Ok("rl", "play", "zhao-gridworld-sarsa"), StringComparison.Ordinal);
    }

    [Fact]
    public void AStudyComparesWithTheBookAndIsEvaluatedByWhatItMeasured()
    {
        var output = Ok("train", "windy-grid", "runs=20");
        Assert.Contains("book 23.44: agrees", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', output);
        var trained = Json("train", "windy-grid", "runs=20", "--json").GetProperty("metrics").EnumerateObject()
            .ToDictionary(m => m.Name, m => m.Value.GetDouble());
        var evaluated = Json("eval", "windy-grid", "--json").GetProperty("metrics").EnumerateObject()
            .ToDictionary(m => m.Name, m => m.Value.GetDouble());
        Assert.NotEmpty(trained);
        Assert.Equal(trained, evaluated);
        Assert.Contains("return ", Ok("rl", "play", "windy-grid"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ppo-cartpole", "")]
    [InlineData("a2c-cartpole", "")]
    [InlineData("reinforce-cartpole", "")]
    [InlineData("ppo-pendulum", "rollout_steps=64 minibatches=4")]
    public void PolicyGradientRecipesTrainEvaluateAndPlay(string recipe, string more)
    {
        string[] shortened = ["steps=2000", "evaluate_every=1000", "evaluation_episodes=3", "checkpoint_every=1000",
            .. more.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
        var trained = Json(["train", recipe, .. shortened, "--json"]);
        Assert.True(trained.GetProperty("completed").GetBoolean());
        Assert.True(File.Exists(Path.Combine(trained.GetProperty("folder").GetString()!, "policy-best.safetensors")));
        Assert.All(trained.GetProperty("pictures").EnumerateArray().Select(p => p.GetString()!), p => Assert.True(File.Exists(p)));
        var evaluated = Json("eval", recipe, "--json").GetProperty("metrics");
        Assert.Equal(trained.GetProperty("metrics").GetProperty("best_policy_return").GetDouble(),
            evaluated.GetProperty("return").GetDouble(), 1e-9);
        Assert.Contains("return ", Ok("rl", "play", recipe, "--max-steps", "3"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rl solve ZhaoGridWorl", "unknown environment 'ZhaoGridWorl'. Did you mean 'zhaogridworld'?")]
    [InlineData("rl solve Taxi --algo qlerning", "unknown rl-method 'qlerning'. Did you mean 'q-learning'?")]
    [InlineData("rl solve Taxi --algo q-learning --lambda 0.5", "unknown key 'solve.algorithm.lambda'")]
    [InlineData("rl solve Taxi --gamma 1.5", "--gamma is 1.5; allowed: [0, 1].")]
    [InlineData("rl solve Taxi --algo sarsa --alpha fast", "--alpha is \"fast\"")]
    [InlineData("rl solve Taxi --algo sarsa --episodes 0", "--episodes is 0; allowed: at least 1.")]
    [InlineData("rl solve CartPole --algo value-iteration", "has no known model")]
    [InlineData("rl solve CartPole --algo sarsa", "states that can be counted")]
    [InlineData("rl sweep n-stp", "There is no method 'n-stp'. Did you mean 'n-step'?")]
    [InlineData("rl sweep n-step --repetitions 0", "--repetitions is 0")]
    [InlineData("rl play nothing", "There are no runs in", 1)]
    [InlineData("rl play nothing --seed -1", "--seed is -1")]
    [InlineData("train qlearning-taxi environment=Taxy", "unknown environment 'Taxy'")]
    [InlineData("train qlearning-taxi gamma=2", "solve.gamma is 2; allowed: [0, 1].")]
    [InlineData("train ppo-cartpole environment=Taxi", "wanted are observations of numbers")]
    [InlineData("train ppo-cartpole clip_range=0", "agent.epochs is 20")]
    [InlineData("train a2c-cartpole lambda=2", "agent.lambda is 2; allowed: [0, 1].")]
    [InlineData("train cliff-walking runs=0", "curves.runs is 0; allowed: at least 1.")]
    public void WrongUseIsOneLineAndExitCode2(string arguments, string message, int expected = 2)
    {
        var (code, _, error) = CressetProcess.Run(_folder, arguments.Split(' '));
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Equal(expected, code);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public void CtrlCEndsAStudyWithExitCode130()
    {
        if (OperatingSystem.IsWindows()) return;
        using var process = CressetProcess.Start(_folder, null, "train", "walk19-nstep", "runs=100000");
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        while (process.StandardOutput.ReadLine() is { } line && !line.StartsWith("point", StringComparison.Ordinal)
            && !line.StartsWith("run ", StringComparison.Ordinal))
        {
        }
        Thread.Sleep(300);
        CressetProcess.Interrupt(process);
        _ = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(130, process.ExitCode);
        Assert.Contains("cresset train --resume walk19-nstep", error.Result, StringComparison.Ordinal);
        Assert.Contains("\"stopped\"", Ok("runs", "--json"), StringComparison.Ordinal);
    }

    private static void IsPng(string path) => Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(path)[..4]);

    private JsonElement Json(params string[] arguments) => JsonDocument.Parse(Ok(arguments)).RootElement;

    private string Ok(params string[] arguments)
    {
        var (code, output, error) = CressetProcess.Run(_folder, arguments);
        Assert.True(code == 0, $"cresset {string.Join(' ', arguments)}: {error}");
        return output;
    }
}
