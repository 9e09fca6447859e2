using System.CommandLine;
using System.Text.Json;
using Cresset.Cli.Terminal;
using Cresset.Plots;
using Cresset.Rl;

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
        var steps = new Option<int>("--max-steps") { Description = "Longest episode.", DefaultValueFactory = _ => 200 };
        var command = new Command("play", "Play an episode with a solved policy, in the terminal or as a GIF.") { run, runs, gif, seed, steps };
        command.SetAction(result =>
        {
            var policy = SolvedPolicy.Load(result.GetValue(run)!, result.GetValue(runs)!);
            var frames = new List<Picture>();
            var target = result.GetValue(gif);
            var (sum, count, delay) = (0.0, 0, 0.25);
            foreach (var frame in policy.Play((ulong)Math.Max(0, result.GetValue(seed)), Math.Max(1, result.GetValue(steps))))
            {
                sum += frame.Reward;
                count = frame.Step;
                delay = 1.0 / Math.Max(1, frame.View.FramesPerSecond);
                if (target is not null)
                {
                    frames.Add(ToPicture(frame.View.Render()));
                    continue;
                }
                if (!Console.IsOutputRedirected && count > 0)
                {
                    Thread.Sleep(TimeSpan.FromSeconds(delay));
                    Console.Clear();
                }
                Console.Out.WriteLine($"step {count}");
                Console.Out.WriteLine(frame.View.RenderText());
            }
            if (target is not null)
            {
                AnimatedGif.Save(target, frames, TimeSpan.FromSeconds(delay), TimeSpan.FromSeconds(1));
                Console.Out.WriteLine($"wrote {target} ({frames.Count} frames)");
            }
            Console.Out.WriteLine($"return {Output.Number(sum)} in {count} steps");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset rl play Taxi-v4-q-learning", "cresset rl play SuttonMountainCar-sarsa-tiles --gif car.gif");
    }

    private static Picture ToPicture(RgbImage image)
    {
        var rgba = new byte[image.Width * image.Height * 4];
        for (var (from, to) = (0, 0); to < rgba.Length; from += 3, to += 4)
        {
            (rgba[to], rgba[to + 1], rgba[to + 2], rgba[to + 3]) = (image.Pixels[from], image.Pixels[from + 1], image.Pixels[from + 2], 255);
        }
        return new Picture(image.Width, image.Height, rgba);
    }
}
