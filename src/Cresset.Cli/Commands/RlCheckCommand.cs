using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Rl;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset rl check ENV</c>: tests an environment before anything learns in it.</summary>
internal static class RlCheckCommand
{
    private const string Job = "rl-solve", Section = "solve";

    public static Command Create(PartCatalog parts)
    {
        var environment = new Argument<string>("ENV") { Description = "An environment: see 'cresset rl envs'." };
        var settings = new Argument<string[]>(
            "KEY=VALUE")
        {
            Description = "Options of the environment: environment.command=\"python3 world.py\".",
            Arity = ArgumentArity.ZeroOrMore
        };
        var steps = new Option<int>("--steps") { Description = "Random steps to take.", DefaultValueFactory = _ => 500 };
        var seed = new Option<int>("--seed") { Description = "Seed of environment and actions.", DefaultValueFactory = _ => 0 };
        var with = new PartsOption(parts);
        var json = SharedOptions.Json();
        var command = new Command("check",
            "Play random episodes and say what breaks the contract (exit code 1) or makes learning hard.") { environment, settings,
                with.Option, steps, seed, json };
        command.SetAction(result =>
        {
            if (result.GetValue(steps) < 1) throw new ArgumentException($"--steps is {result.GetValue(steps)}; allowed: at least 1.");
            if (result.GetValue(seed) < 0) throw new ArgumentException($"--seed is {result.GetValue(seed)}; allowed: at least 0.");
            var known = with.Of(result);
            var entry = known.Get("environment", result.GetValue(environment)!);
            var recipe = Recipe.Parse($"job: {Job}", "the command line", Job, known)
                .Resolve([$"{Section}.environment={entry.Name}", .. result.GetValue(settings) ?? []]);
            var source = ((RlSolveOptions)recipe.Options[Section]).Environment;
            var facts = EnvironmentFacts.Of(source);
            var warnings = EnvironmentChecks.Check(source, result.GetValue(steps), (ulong)result.GetValue(seed));
            if (result.GetValue(json))
            {
                Output.Json(new
                {
                    source.Name,
                    facts.Observations,
                    facts.Actions,
                    facts.HasActionMask,
                    facts.MaxEpisodeSteps,
                    facts.RewardThreshold,
                    Steps = result.GetValue(steps),
                    Warnings = warnings
                });
                return ExitCode.Success;
            }
            Console.Out.WriteLine(
                $"{source.Name}: observations {facts.Observations}, actions {facts.Actions}{(facts.HasActionMask ? ", masked" : "")}, "
                    + $"limit {facts.MaxEpisodeSteps?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"}");
            foreach (var warning in warnings) Console.Out.WriteLine(warning);
            Console.Out.WriteLine(warnings.Count == 0 ? $"{result.GetValue(steps)} steps without a fault"
                : $"{result.GetValue(steps)} steps without a breach of the contract");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset rl check process environment.command=\"python3 world.py\"",
            "cresset rl check thermostat --with bin/Release/net10.0/My.dll environment.target=20");
    }
}
