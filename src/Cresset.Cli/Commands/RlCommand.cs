using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Rl;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset rl</c>: environments, planners and tabular learners.</summary>
internal static class RlCommand
{
    public const string Summary = "Environments, planning, Monte Carlo, temporal difference and linear value functions.";

    public static Command Create(PartCatalog parts)
        => new("rl", Summary) { Environments(parts), RlSolveCommand.Create(parts), RlSweepCommand.Create(), Play(parts),
            RlRecordCommand.Create(parts), RlCheckCommand.Create(parts) };

    private static Command Environments(PartCatalog parts)
    {
        var json = SharedOptions.Json();
        var with = new PartsOption(parts);
        var command = new Command("envs",
            "List the environments with their spaces, limits and thresholds; 'cresset show NAME' has the options of each.") { with.Option,
                json };
        command.SetAction(result =>
        {
            var all = with.Of(result).Of("environment").Select(part => (Part: part, Source: (EnvironmentSource)part.Create()))
                .OrderBy(e => e.Source.Group, StringComparer.Ordinal).ThenBy(e => e.Source.Name, StringComparer.Ordinal)
                .Select(e => (e.Part, e.Source, Facts: FactsOf(e.Source))).ToList();
            if (result.GetValue(json))
            {
                Output.Json(
                    all.Select(
                        e => new
                        {
                            e.Source.Name,
                            e.Source.Group,
                            Description = e.Part.Summary,
                            e.Facts.MaxEpisodeSteps,
                            e.Facts.RewardThreshold,
                            HasModel = e.Source.CreateTable() is not null,
                            e.Facts.Observations,
                            e.Facts.Actions,
                            e.Facts.HasActionMask
                        }));
                return ExitCode.Success;
            }
            Output.Table(
                ["name", "observations", "actions", "limit", "solved", "model"],
                all.Select(e => (IReadOnlyList<string>)
                [
                    e.Source.Name, e.Facts.Observations, e.Facts.Actions + (e.Facts.HasActionMask ? ", masked" : ""),
                    e.Facts.MaxEpisodeSteps?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "-",
                    e.Facts.RewardThreshold is { } solved ? Output.Number(solved) : "-", e.Source.CreateTable() is null ? "-" : "known",
                ]));
            return ExitCode.Success;
        });
        return command.WithExamples("cresset rl envs", "cresset rl envs --json", "cresset rl envs --with bin/Release/net10.0/My.dll");
    }

    // A world that needs an option first (a command) says what it offers when it has it.
    private static Rl.EnvironmentFacts FactsOf(EnvironmentSource source)
        => source.Validate().Any()
            ? new Rl.EnvironmentFacts("as its server says", "as its server says", false, source.MaxEpisodeSteps, null)
            : Rl.EnvironmentFacts.Of(source);

    private static Command Play(PartCatalog parts)
    {
        var with = new PartsOption(parts);
        var run = SharedOptions.Run();
        var runs = SharedOptions.RunsFolder();
        var gif = new Option<string?>(
            "--gif")
        { Description = "Write an animated GIF there; without it the episode is shown in the terminal.", HelpName = "FILE" };
        var seed = new Option<int>("--seed") { Description = "Seed of the episode.", DefaultValueFactory = _ => 0 };
        var steps = new Option<int?>("--max-steps") { Description = "Longest episode (default: 1000 for agents, 200 for tables)." };
        var command = new Command("play", "Play an episode with what a run learned or solved, in the terminal or as a GIF.") { run,
            with.Option, runs, gif, seed, steps };
        command.SetAction(result =>
        {
            if (result.GetValue(seed) < 0) throw new ArgumentException($"--seed is {result.GetValue(seed)}; allowed: at least 0.");
            if (result.GetValue(steps) < 1) throw new ArgumentException($"--max-steps is {result.GetValue(steps)}; allowed: at least 1.");
            var episode = Episode(result.GetValue(run)!, result.GetValue(runs)!, (ulong)result.GetValue(seed), result.GetValue(steps),
                with.Recipes(result));
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
                // A world without pictures is played all the same.
                if (frame.Environment.Unwrapped is not IRenderable view) continue;
                if (!Console.IsOutputRedirected && count > 0)
                {
                    Thread.Sleep(TimeSpan.FromSeconds(1.0 / Math.Max(1, view.FramesPerSecond)));
                    Console.Clear();
                }
                Console.Out.WriteLine($"step {count}");
                Console.Out.WriteLine(view.RenderText());
            }
            Console.Out.WriteLine($"return {Output.Number(sum)} in {count} steps");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset rl play Taxi-v4-q-learning", "cresset rl play dqn-cartpole --gif pole.gif");
    }

    private static IEnumerable<PlayedStep> Episode(string run, string runs, ulong seed, int? steps, RecipeCatalog recipes)
    {
        if (!File.Exists(Path.Combine(run, SolvedPolicy.FileName)))
        {
            var place = RunPlace.Of(run, runs);
            using var store = place.Folder is null ? place.Read() : null;
            if (new RecipeRunner(store, recipes).Play(place.Folder ?? place.Name, seed, steps ?? 1000) is { } episode) return episode;
        }
        var policy = SolvedPolicy.Load(run, runs);
        return policy.Play(policy.FindWorld(recipes.Parts), seed, steps ?? 200);
    }
}
