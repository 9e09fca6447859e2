using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Recipes;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset rl record</c>: episodes of a policy as a file of transitions.</summary>
internal static class RlRecordCommand
{
    public static Command Create(PartCatalog parts)
    {
        var with = new PartsOption(parts);
        var run = SharedOptions.Run();
        var runs = SharedOptions.RunsFolder();
        var to = new Option<string>("--to") { Description = "File to write (safetensors).", HelpName = "FILE", Required = true };
        var episodes = new Option<int>("--episodes") { Description = "Episodes to play.", DefaultValueFactory = _ => 50 };
        var seed = new Option<int>("--seed") { Description = "Seed of the first episode.", DefaultValueFactory = _ => 0 };
        var json = SharedOptions.Json();
        var command = new Command("record",
            "Play episodes with a run's best policy and keep every transition: data for behaviour-cloning and for replay.data.") { run,
                with.Option, runs, to, episodes, seed, json };
        command.SetAction(result =>
        {
            if (result.GetValue(episodes) < 1)
                throw new ArgumentException($"--episodes is {result.GetValue(episodes)}; allowed: at least 1.");
            if (result.GetValue(seed) < 0) throw new ArgumentException($"--seed is {result.GetValue(seed)}; allowed: at least 0.");
            var file = result.GetValue(to)!;
            var place = RunPlace.Of(result, run, runs);
            using var store = place.Folder is null ? place.Read() : null;
            var data = new RecipeRunner(store, with.Recipes(result)).Record(place.Folder ?? place.Name, result.GetValue(episodes),
                (ulong)result.GetValue(seed));
            data.Write(file);
            var mean = data.Rewards.Sum(r => (double)r) / result.GetValue(episodes);
            if (result.GetValue(json))
                Output.Json(new { File = file, Transitions = data.Count, Episodes = result.GetValue(episodes), MeanReturn = mean });
            else Console.Out.WriteLine(
                $"wrote {file}: {data.Count} transitions of {result.GetValue(episodes)} episodes, mean return {Output.Number(mean)}");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset rl record ppo-cartpole --to pole.safetensors",
            "cresset train dqn-cartpole agent.replay.data=pole.safetensors agent.replay.offline=true");
    }
}
