using System.Diagnostics;
using Cresset.Tests.EndToEnd.Cli;
using Xunit;

namespace Cresset.Tests.EndToEnd.Rl;

/// <summary>
/// A world in another process as a user meets it: listed, trained, resumed, evaluated, played, recorded; faults in one line; no server is
/// left behind.
/// </summary>
public sealed class ServedWorldRecipeTests : IDisposable
{
    private static readonly string Samples = Path.Combine(Repository.Root, "samples", "Cresset.Samples.Worlds");
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-served-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void AWorldInPythonIsTrainedResumedEvaluatedAndPlayed()
    {
        Assert.Contains("as its server says", Ok("rl", "envs"), StringComparison.Ordinal);
        Assert.Contains("start_seconds", Ok("show", "process"), StringComparison.Ordinal);
        File.Copy(Path.Combine(Samples, "tank.py"), Path.Combine(_folder, "tank.py"));
        File.Copy(Path.Combine(Samples, "tank.yaml"), Path.Combine(_folder, "tank.yaml"));
        Assert.Contains("steps without a fault", Alone("rl", "check", "process", "environment.command=python3 tank.py", "--steps", "200"),
            StringComparison.Ordinal);
        string[] brief = ["training.environments=2", "training.steps=512", "training.evaluate_every=256", "training.evaluation_episodes=5",
            "training.checkpoint_every=256"];
        Assert.Contains("best_policy_return", Alone(["train", "tank.yaml", .. brief]), StringComparison.Ordinal);
        Assert.Contains("best_policy_return", Alone("train", "--resume", "tank", "training.steps=768"), StringComparison.Ordinal);
        Assert.Contains("return", Alone("eval", "tank"), StringComparison.Ordinal);
        Assert.Contains("return ", Alone("rl", "play", "tank"), StringComparison.Ordinal);
        Assert.Contains("3 episodes", Alone("rl", "record", "tank", "--episodes", "3", "--to", "tank.safetensors"),
            StringComparison.Ordinal);
        Assert.Empty(Servers());
    }

    [Fact]
    public void AServerDoesNotOutliveACommandThatIsKilled()
    {
        if (!OperatingSystem.IsLinux()) return;
        File.Copy(Path.Combine(Samples, "tank.py"), Path.Combine(_folder, "tank.py"));
        File.Copy(Path.Combine(Samples, "tank.yaml"), Path.Combine(_folder, "tank.yaml"));
        using var process = CressetProcess.Start(_folder, null, "train", "tank.yaml", "training.steps=1000000",
            $"training.environment.command=python3 {_folder}/tank.py");
        var watch = Stopwatch.StartNew();
        while (Servers().Count < 4 && watch.Elapsed < TimeSpan.FromSeconds(60)) Thread.Sleep(50);
        Assert.Equal(4, Servers().Count);
        process.Kill();
        process.WaitForExit();
        for (watch.Restart(); Servers().Count > 0 && watch.Elapsed < TimeSpan.FromSeconds(20);) Thread.Sleep(50);
        Assert.Empty(Servers());
    }

    [Theory]
    [InlineData("", "allowed: a command, or an address instead", 2)]
    [InlineData("command=pyhton3 tank.py", "there is no program 'pyhton3' on the PATH", 2)]
    [InlineData("command=python3 missing.py", "ended with exit code 2 instead of giving its answer to hello", 1)]
    [InlineData("command=python3 -c 'import time; time.sleep(60)'|start_seconds=0.3", "has not given its answer to hello within 0.3 s", 1)]
    [InlineData("address=unix:nowhere", "Start it first", 1)]
    public void FaultsAreOneLineAndNoRun(string environment, string message, int expected)
    {
        var (code, _, error) = CressetProcess.Run(
            _folder,
            ["train", "ppo-cartpole", "training.environment=process",
                .. environment.Split('|', StringSplitOptions.RemoveEmptyEntries).Select(o => $"training.environment.{o}")]);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Equal(expected, code);
        Assert.False(Directory.Exists(Path.Combine(_folder, "runs")) && Directory.GetDirectories(Path.Combine(_folder, "runs")).Length > 0);
    }

    [Fact]
    public void RecordedEpisodesAreImitatedAndLearnedFromAlone()
    {
        Ok("train", "ppo-cartpole", "training.steps=8192", "training.evaluate_every=4096", "training.evaluation_episodes=10",
            "training.checkpoint_every=0");
        Assert.Contains("20 episodes", Ok("rl", "record", "ppo-cartpole", "--episodes", "20", "--to", "pole.safetensors"),
            StringComparison.Ordinal);
        // A run is found by its folder from a place without a store, too.
        var run = Directory.GetDirectories(Path.Combine(_folder, "runs")).Single();
        var elsewhere = Directory.CreateDirectory(Path.Combine(_folder, "elsewhere")).FullName;
        Assert.Equal(0, CressetProcess.Run(elsewhere, "rl", "record", run, "--episodes", "1", "--to", "one.safetensors").Code);
        Assert.Equal(0, CressetProcess.Run(elsewhere, "rl", "play", run).Code);
        File.WriteAllText(Path.Combine(_folder, "clone.yaml"),
            "job: behaviour-cloning\nagent: {data: pole.safetensors}\ntraining: {steps: 20000, evaluate_every: 0, evaluation_episodes: "
                + "10}\n");
        Assert.Contains("best_policy_return", Ok("train", "clone.yaml"), StringComparison.Ordinal);
        File.Move(Path.Combine(_folder, "pole.safetensors"), Path.Combine(_folder, "moved.safetensors"));
        Assert.Contains("return", Ok("eval", "clone"), StringComparison.Ordinal);
        string[] offline = ["train", "dqn-cartpole", "agent.replay.offline=true", "training.steps=1500", "training.evaluate_every=0",
            "training.evaluation_episodes=3"];
        Assert.Contains("best_policy_return", Ok([.. offline, "agent.replay.data=moved.safetensors"]), StringComparison.Ordinal);
        var (code, _, error) = CressetProcess.Run(_folder, [.. offline, "agent.replay.data=pole.safetensors"]);
        Assert.Contains("There is no file pole.safetensors", error, StringComparison.Ordinal);
        Assert.Equal(2, code);
        (code, _, error) = CressetProcess.Run(_folder, offline);
        Assert.Contains("set replay.data to a file", error, StringComparison.Ordinal);
        Assert.Equal(2, code);
    }

    // Processes whose command line names this test's folder.
    private List<string> Servers()
    {
        if (!OperatingSystem.IsLinux()) return [];
        var found = new List<string>();
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(f => Path.GetFileName(f).All(char.IsAsciiDigit)))
        {
            try
            {
                var words = File.ReadAllText(Path.Combine(folder, "cmdline")).Split('\0');
                if (words.Length > 1 && words[0].Contains("python", StringComparison.Ordinal)
                    && words[1].EndsWith("tank.py", StringComparison.Ordinal)
                    && (words[1].StartsWith(_folder, StringComparison.Ordinal)
                        || new DirectoryInfo(Path.Combine(folder, "cwd")).LinkTarget == _folder)) found.Add(folder);
            }
            catch (IOException)
            {
                // It has ended meanwhile.
                continue;
            }
        }
        return found;
    }

    private string Ok(params string[] arguments) => Passed(CressetProcess.Run(_folder, arguments));

    private string Alone(params string[] arguments) => Passed(CressetProcess.RunAlone(_folder, null, arguments));

    private static string Passed((int Code, string Output, string Error) result)
    {
        Assert.True(result.Code == 0, result.Error);
        return result.Output;
    }
}
