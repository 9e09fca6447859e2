using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset rl solve ENV --algo NAME</c>: plans or learns, records the run with pictures and keeps the policy.</summary>
internal static class RlSolveCommand
{
    private static readonly string[] Planners = ["value-iteration", "async-value-iteration", "policy-iteration", "truncated-policy-iteration", "prioritized-planning", "mc-basic"];

    private static readonly string[] Learners =
    [
        "mc-exploring-starts", "mc-epsilon-greedy", "sarsa", "expected-sarsa", "q-learning", "double-q-learning", "n-step-sarsa", "tree-backup",
        "q-sigma", "sarsa-lambda", "q-lambda", "dyna-q", "dyna-q-plus", "prioritized-sweeping", "sarsa-tiles",
    ];

    public static Command Create()
    {
        var environment = new Argument<string>("ENV") { Description = "An environment: see 'cresset rl envs'." };
        var algorithm = new Option<string>("--algo") { Description = "One of " + string.Join(", ", Planners.Concat(Learners)) + ".", DefaultValueFactory = _ => "value-iteration" };
        var gamma = Number("--gamma", "Discount factor in [0, 1].", 0.99);
        var alpha = new Option<string>("--alpha") { Description = "Step-size rule in k, such as 0.1, 1/k or 10/(k+100)^0.6.", DefaultValueFactory = _ => "0.1" };
        var epsilon = Number("--epsilon", "Share of random actions.", 0.1);
        var lambda = Number("--lambda", "Trace parameter.", 0.9);
        var n = Count("--n", "Steps of n-step methods, sweeps of truncated policy iteration, length of MC Basic's episodes.", 4);
        var planning = Count("--planning", "Imagined steps of Dyna and prioritized sweeping.", 10);
        var episodes = Count("--episodes", "Episodes of learning.", 500);
        var seeds = Count("--seeds", "Repetitions with other seeds, for the band of the learning curve.", 5);
        var seed = Count("--seed", "First seed.", 0);
        var runs = SharedOptions.RunsFolder();
        var json = SharedOptions.Json();
        var command = new Command("solve", "Find a policy by planning or learning; write pictures and the policy as a run.")
        {
            environment, algorithm, gamma, alpha, epsilon, lambda, n, planning, episodes, seeds, seed, runs, json,
        };
        command.SetAction(result =>
        {
            var request = new SolveRequest(
                EnvironmentCatalog.Find(result.GetValue(environment)!),
                result.GetValue(algorithm)!,
                result.GetValue(gamma),
                StepSizeRule.Parse(result.GetValue(alpha)!),
                result.GetValue(epsilon),
                result.GetValue(lambda),
                result.GetValue(n),
                result.GetValue(planning),
                result.GetValue(episodes),
                result.GetValue(seeds),
                result.GetValue(seed));
            request.Check();
            using var interruption = new Interruption("stopping.");
            return Solve(request, result.GetValue(runs)!, result.GetValue(json), interruption.Token);
        });
        return command.WithExamples(
            "cresset rl solve ZhaoGridWorld --algo policy-iteration --gamma 0.9",
            "cresset rl solve Taxi --algo q-learning --episodes 2000",
            "cresset rl solve Blackjack --algo mc-exploring-starts --episodes 500000 --gamma 1",
            "cresset rl solve SuttonMountainCar --algo sarsa-tiles --alpha 0.0625 --epsilon 0 --gamma 1");

        static Option<double> Number(string name, string text, double value) => new(name) { Description = text, DefaultValueFactory = _ => value };
        static Option<int> Count(string name, string text, int value) => new(name) { Description = text, DefaultValueFactory = _ => value };
    }

    internal static SparseControl TileLearner(double epsilon, double gamma = 1, StepSizeRule? alpha = null)
    {
        var learner = SparseControl.MountainCar(new() { Gamma = gamma, StepSize = alpha ?? StepSizeRule.Constant(0.5 / 8), Exploration = new() { Epsilon = epsilon } });
        // Tiles get their indices when they are first met: meeting all of them in a fixed order makes stored weights fit a new learner.
        const int Side = 96;
        for (var i = 0; i <= Side; i++)
        {
            for (var j = 0; j <= Side; j++)
            {
                for (var action = 0; action < 3; action++) learner.Value(CarState(i, j, Side), action);
            }
        }
        return learner;
    }

    internal static float[] CarState(int position, int velocity, int side) => [-1.2f + (1.8f * position / side), -0.07f + (0.14f * velocity / side)];

    private static int Solve(SolveRequest request, string runsFolder, bool json, CancellationToken cancellation)
    {
        var solution = RlSolver.Run(request, cancellation);
        using var store = RunStore.Open(runsFolder);
        using var run = store.Begin($"{request.Environment.Name}-{request.Algorithm}", "rl", request.ToConfig());
        solution.Policy.Save(run.Folder);
        if (solution.Learning is { } records)
        {
            for (var e = 0; e < records[0].Count; e++) run.Scalar("episode/return", e, records[0][e].Return);
            for (var e = 0; e < records[0].Count; e++) run.Scalar("episode/length", e, records[0][e].Length);
        }
        if (solution.Planning is { } plan)
        {
            foreach (var step in plan.Trace) run.Scalar("planning/change", step.Iteration, step.Change);
        }
        var files = new List<string>();
        foreach (var (name, figure) in RlFigures.Of(request, solution))
        {
            var path = Path.Combine(run.Folder, name + ".png");
            figure.Save(path);
            run.Picture(name, 0, figure.ToPng());
            files.Add(path);
        }
        run.Finish(RunStatus.Finished, solution.Summary);
        if (json)
        {
            Output.Json(new { run.Id, run.Folder, solution.Summary, solution.Policy.Actions, solution.Policy.Values, Pictures = files });
            return ExitCode.Success;
        }
        if (RlFigures.Text(request, solution) is { } text) Console.Out.WriteLine(text);
        Output.Table(["figure", "value"], solution.Summary.Select(x => (IReadOnlyList<string>)[x.Key, Output.Number(x.Value)]));
        if (solution.Learning is not null) Console.Out.WriteLine("step sizes: " + request.StepSize.Conditions.Explanation);
        foreach (var file in files) Console.Out.WriteLine("wrote " + file);
        Console.Out.WriteLine($"run {run.Id}; play it with: cresset rl play {run.Name}");
        return ExitCode.Success;
    }

    /// <summary>What was asked for.</summary>
    internal sealed record SolveRequest(
        EnvironmentSpec Environment, string Algorithm, double Gamma, StepSizeRule StepSize, double Epsilon, double Lambda, int N, int PlanningSteps, int Episodes, int Seeds, int Seed)
    {
        public bool IsPlanner => Planners.Contains(Algorithm);

        public void Check()
        {
            if (!Planners.Contains(Algorithm) && !Learners.Contains(Algorithm))
            {
                throw new ArgumentException($"There is no algorithm '{Algorithm}'.{NearestName.Suggest(Algorithm, Planners.Concat(Learners))} Known: {string.Join(", ", Planners.Concat(Learners))}.");
            }
            Range(Gamma is >= 0 and <= 1, "--gamma", Gamma, "[0, 1]");
            Range(Epsilon is >= 0 and <= 1, "--epsilon", Epsilon, "[0, 1]");
            Range(Lambda is >= 0 and <= 1, "--lambda", Lambda, "[0, 1]");
            Range(N >= 1, "--n", N, "at least 1");
            Range(PlanningSteps >= 0, "--planning", PlanningSteps, "at least 0");
            Range(Episodes >= 1, "--episodes", Episodes, "at least 1");
            Range(Seeds >= 1, "--seeds", Seeds, "at least 1");
            Range(Seed >= 0, "--seed", Seed, "at least 0");
        }

        public Dictionary<string, string> ToConfig() => new()
        {
            ["environment"] = Environment.Name,
            ["algorithm"] = Algorithm,
            ["gamma"] = Gamma.ToString("R", CultureInfo.InvariantCulture),
            ["alpha"] = StepSize.Formula,
            ["epsilon"] = Epsilon.ToString("R", CultureInfo.InvariantCulture),
            ["lambda"] = Lambda.ToString("R", CultureInfo.InvariantCulture),
            ["n"] = N.ToString(CultureInfo.InvariantCulture),
            ["planning"] = PlanningSteps.ToString(CultureInfo.InvariantCulture),
            ["episodes"] = Episodes.ToString(CultureInfo.InvariantCulture),
            ["seeds"] = Seeds.ToString(CultureInfo.InvariantCulture),
            ["seed"] = Seed.ToString(CultureInfo.InvariantCulture),
        };

        private static void Range(bool ok, string option, double value, string allowed)
        {
            if (!ok) throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{option} is {value}; allowed: {allowed}."));
        }
    }
}
