using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Recipes;
using Cresset.Rl;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset rl</c>: environments, planners and tabular learners.</summary>
internal static class RlCommand
{
    public static Command Create()
        => new("rl", "Environments, planning, Monte Carlo, temporal difference and linear value functions.") { Environments(), RlSolveCommand.Create(), RlSweepCommand.Create(), Play() };

    private static Command Environments()
    {
        var json = SharedOptions.Json();
        var command = new Command("envs", "List the environments.") { json };
        command.SetAction(result =>
        {
            if (result.GetValue(json))
            {
                Output.Json(EnvironmentCatalog.All.Select(s => new { s.Name, s.Group, s.Description, s.MaxEpisodeSteps, s.RewardThreshold, HasModel = s.CreateTable() is not null }));
                return ExitCode.Success;
            }
            Output.Table(
                ["name", "group", "limit", "model", "description"],
                EnvironmentCatalog.All.Select(s => (IReadOnlyList<string>)[s.Name, s.Group, s.MaxEpisodeSteps?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "-", s.CreateTable() is null ? "-" : "known", s.Description]));
            return ExitCode.Success;
        });
        return command.WithExamples("cresset rl envs", "cresset rl envs --json");
    }

    private static Command Play()
    {
        var run = SharedOptions.Run();
        var runs = SharedOptions.RunsFolder();
        var gif = new Option<string?>("--gif") { Description = "Write an animated GIF there; without it the episode is shown in the terminal.", HelpName = "FILE" };
        var seed = new Option<int>("--seed") { Description = "Seed of the episode.", DefaultValueFactory = _ => 0 };
        var steps = new Option<int?>("--max-steps") { Description = "Longest episode (default: 1000 for agents, 200 for tables)." };
        var command = new Command("play", "Play an episode with what a run learned or solved, in the terminal or as a GIF.") { run, runs, gif, seed, steps };
        command.SetAction(result =>
        {
            if (result.GetValue(seed) < 0) throw new ArgumentException($"--seed is {result.GetValue(seed)}; allowed: at least 0.");
            if (result.GetValue(steps) < 1) throw new ArgumentException($"--max-steps is {result.GetValue(steps)}; allowed: at least 1.");
            var episode = Episode(result.GetValue(run)!, result.GetValue(runs)!, (ulong)result.GetValue(seed), result.GetValue(steps));
            if (result.GetValue(gif) is { } target)
            {
                var (frames, played, value) = EpisodeFilm.Save(target, episode);
                Console.Out.WriteLine($"wrote {target} ({frames} frames)");
                Console.Out.WriteLine($"return {Output.Number(value)} in {played} steps");
                return ExitCode.Success;
            }
            var (sum, count) = (0.0, 0);
            foreach (var frame in episode)
            {
                sum += frame.Reward;
                count = frame.Step;
                if (!Console.IsOutputRedirected && count > 0)
                {
                    Thread.Sleep(TimeSpan.FromSeconds(1.0 / Math.Max(1, frame.View.FramesPerSecond)));
                    Console.Clear();
                }
                Console.Out.WriteLine($"step {count}");
                Console.Out.WriteLine(frame.View.RenderText());
            }
            Console.Out.WriteLine($"return {Output.Number(sum)} in {count} steps");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset rl play Taxi-v4-q-learning", "cresset rl play dqn-cartpole --gif pole.gif");
    }

    private static IEnumerable<PlayedStep> Episode(string run, string runs, ulong seed, int? steps)
    {
        if (!File.Exists(Path.Combine(run, SolvedPolicy.FileName)))
        {
            using var store = RunStore.OpenReadOnly(runs);
            if (new RecipeRunner(store, new RecipeCatalog()).Play(run, seed, steps ?? 1000) is { } episode) return episode;
        }
        return SolvedPolicy.Load(run, runs).Play(seed, steps ?? 200);
    }
}
