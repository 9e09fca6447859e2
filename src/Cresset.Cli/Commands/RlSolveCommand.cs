using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Rl;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset rl solve ENV --algo NAME</c>: plans or learns, records the run with pictures and keeps the policy.</summary>
internal static class RlSolveCommand
{
    private const string Kind = "rl-method", Section = "solve";

    public static Command Create(PartCatalog parts)
    {
        var defaults = new RlSolveOptions();
        var environment = new Argument<string>("ENV") { Description = "An environment: see 'cresset rl envs'." };
        var settings = new Argument<string[]>(
            "KEY=VALUE")
        {
            Description =
                "Options of the environment and of the solver, as in recipes: environment.world.is_rainy=true, "
                    + "environment.wrappers=discretize-observation.",
            Arity = ArgumentArity.ZeroOrMore
        };
        var with = new PartsOption(parts);
        var algorithm = new Option<string>("--algo")
        {
            // The catalog is not asked here: that would cost every command its start.
            Description =
                "A planner or learner: see 'cresset list --rl-methods'. Its options are algorithm.KEY=VALUE ('cresset show n-step-sarsa').",
            DefaultValueFactory = _ => PartCatalog.NameOf(defaults.Algorithm.GetType())!,
        };
        var gamma = Number("--gamma", "Discount factor in [0, 1].", defaults.Gamma);
        var alpha = new Option<string>("--alpha")
        {
            Description = "Step-size rule in k, such as 0.1, 1/k or 10/(k+100)^0.6.",
            DefaultValueFactory = _ => defaults.Alpha
        };
        var epsilon = Number("--epsilon", "Share of random actions.", defaults.Epsilon);
        var lambda = new Option<string?>("--lambda") { Description = "Trace parameter (default: the method's own).", HelpName = "VALUE" };
        var n = new Option<string?>(
            "--n")
        {
            Description =
                "Steps of n-step methods, sweeps of truncated policy iteration, length of MC Basic's episodes (default: the method's own).",
            HelpName = "N"
        };
        var planning = new Option<string?>(
            "--planning")
        { Description = "Imagined steps of Dyna and prioritized sweeping (default: the method's own).", HelpName = "N" };
        var episodes = Count("--episodes", "Episodes of learning.", defaults.Episodes);
        var seeds = Count("--seeds", "Repetitions with other seeds, for the band of the learning curve.", defaults.Seeds);
        var seed = Count("--seed", "First seed.", defaults.Seed);
        var runs = SharedOptions.RunsFolder();
        var json = SharedOptions.Json();
        var command = new Command("solve", "Find a policy by planning or learning; write pictures and the policy as a run.")
        {
            environment, settings, with.Option, algorithm, gamma, alpha, epsilon, lambda, n, planning, episodes, seeds, seed, runs, json,
        };
        command.SetAction(result =>
        {
            var known = with.Of(result);
            List<string> chosen = result.GetResult(algorithm) is { Implicit: false }
                ? [$"solve.algorithm={known.Get(Kind, result.GetValue(algorithm)!).Name}"] : [];
            foreach (var (option, key) in new[] { (n, "n"), (lambda, "lambda"), (planning, "planning_steps") })
            {
                if (result.GetValue(option) is { } value) chosen.Add($"solve.algorithm.{key}={value}");
            }
            var recipe = Read(known, result.GetValue(environment)!, [.. chosen, .. result.GetValue(settings) ?? []]);
            var read = (RlSolveOptions)recipe.Options[Section];
            T Given<T>(Option<T> option, T otherwise) =>
                result.GetResult(option) is { Implicit: false } ? result.GetValue(option)! : otherwise;
            var options = read with
            {
                Gamma = Given(gamma, read.Gamma),
                Alpha = Given(alpha, read.Alpha),
                Epsilon = Given(epsilon, read.Epsilon),
                Episodes = Given(episodes, read.Episodes),
                Seeds = Given(seeds, read.Seeds),
                Seed = Given(seed, read.Seed),
            };
            Check(options);
            using var interruption = new Interruption("stopping.");
            return Solve(recipe, options, result.GetValue(runs)!, result.GetValue(json), interruption.Token);
        });
        return command.WithExamples(
            "cresset rl solve ZhaoGridWorld --algo policy-iteration --gamma 0.9",
            "cresset rl solve Taxi --algo q-learning --episodes 2000",
            "cresset rl solve Blackjack --algo mc-exploring-starts --episodes 500000 --gamma 1",
            "cresset rl solve Pendulum environment.wrappers=discretize-observation,discretize-action --algo q-learning",
            "cresset rl solve thermostat --with bin/Release/net10.0/My.dll --algo q-learning",
            "cresset rl solve SuttonMountainCar --algo sarsa-tiles --n 1 --alpha 0.0625 --epsilon 0 --gamma 1");

        static Option<double> Number(string name, string text, double value) =>
            new(name) { Description = text, DefaultValueFactory = _ => value };
        static Option<int> Count(string name, string text, int value) => new(name) { Description = text, DefaultValueFactory = _ => value };
    }

    // The environment and whatever is written as key=value are read as a recipe would be.
    private static ResolvedRecipe Read(PartCatalog parts, string environment, IReadOnlyList<string> settings)
    {
        var entry = parts.Get("environment", environment);
        var recipe = Recipe.Parse("job: rl-solve", "the command line", "rl-solve", parts);
        return recipe.Resolve([$"{Section}.environment={entry.Name}", .. settings]);
    }

    private static void Check(RlSolveOptions options)
    {
        // The problems are told in the words of the command line.
        var problems = options.Validate().Select(p => p with { Field = "--" + p.Field.ToLowerInvariant() }).ToList();
        if (problems.Count > 0) throw new ArgumentException(string.Join('\n', problems));
    }

    private static int Solve(ResolvedRecipe recipe, RlSolveOptions options, string runsFolder, bool json, CancellationToken cancellation)
    {
        using var view = new TrainingView(json);
        var solution = RlSolver.Run(options, view, cancellation);
        view.Dispose();
        using var store = RunStore.Open(runsFolder);
        using var run = store.Begin($"{options.Environment.Name}-{PartCatalog.NameOf(options.Algorithm.GetType())}", "rl",
            ToConfig(recipe, options));
        solution.Policy.Save(run.Folder);
        RlSolveJob.Record(run, solution);
        var files = new List<string>();
        foreach (var (name, figure) in RlFigures.Of(options, solution))
        {
            var path = Path.Combine(run.Folder, name + ".png");
            var png = figure.ToPng();
            AtomicFile.WriteBytes(path, png);
            run.Picture(name, 0, png);
            files.Add(path);
        }
        run.Finish(solution.Failure is null ? RunStatus.Finished : RunStatus.Failed, solution.Summary, solution.Failure?.Message);
        if (json)
        {
            Output.Json(new
            {
                run.Id,
                run.Folder,
                solution.Summary,
                solution.Policy.Actions,
                solution.Policy.Values,
                Pictures = files,
                Failure = solution.Failure?.Message
            });
            return solution.Failure is null ? ExitCode.Success : throw solution.Failure;
        }
        if (RlFigures.Text(options.Environment, solution.Policy) is { } text) Console.Out.WriteLine(text);
        Output.Table(["figure", "value"], solution.Summary.Select(x => (IReadOnlyList<string>)[x.Key, Output.Number(x.Value)]));
        if (solution.Learning is not null) Console.Out.WriteLine("step sizes: " + options.StepSize().Conditions.Explanation);
        foreach (var file in files) Console.Out.WriteLine("wrote " + file);
        if (solution.Failure is { } failure) throw failure;
        Console.Out.WriteLine($"run {run.Id}; play it with: cresset rl play {run.Name}");
        return ExitCode.Success;
    }

    private static Dictionary<string, string> ToConfig(ResolvedRecipe recipe, RlSolveOptions options)
        => (recipe with { Options = new Dictionary<string, IOptionsRecord> { [Section] = options } }).Flatten()
            .ToDictionary(f => f.Key.Replace($"{Section}.", "", StringComparison.Ordinal), f => f.Value);
}
