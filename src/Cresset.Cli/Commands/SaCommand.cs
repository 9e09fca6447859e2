using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Plots;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset sa</c>: stochastic approximation.</summary>
internal static class SaCommand
{
    public const string Summary = "Stochastic approximation: step-size rules, mean estimation, root finding, stochastic gradients.";

    public static Command Create() => new("sa", Summary) { Rules(), Demo() };

    private static Command Rules()
    {
        var formulas = new Argument<string[]>(
            "RULE")
        {
            Description = "Rules such as 1/k, 0.1, 0.5/(k+10)^0.75, 0.1*0.99^k, linear(1, 0.1, 500).",
            Arity = ArgumentArity.ZeroOrMore
        };
        var json = SharedOptions.Json();
        var command = new Command("rules", "Judge step-size rules by the conditions of Robbins and Monro.") { formulas, json };
        command.SetAction(result =>
        {
            string[] texts = result.GetValue(formulas) is { Length: > 0 } given ? given
                : ["0.1", "1/k", "1/k^0.75", "1/k^0.5", "1/k^1.1", "logpower(1, 1, 1)", "0.1*0.99^k", "max(1/k, 0.01)",
                    "linear(1, 0, 500)"];
            var rules = new List<StepSizeRule>();
            foreach (var text in texts)
            {
                try
                {
                    rules.Add(StepSizeRule.Parse(text));
                }
                catch (FormatException e)
                {
                    throw new ArgumentException(e.Message, e);
                }
            }
            if (result.GetValue(json)) Output.Json(rules.Select(r => new { r.Formula, r.Conditions }));
            else
            {
                Output.Table(["rule", "sum infinite", "squares finite", "Robbins-Monro", "for averaging"],
                    rules.Select(r => r.Conditions is var c
                    ? new[] { r.Formula, Word(c.SumDiverges), Word(c.SquareSumConverges), Word(c.Satisfied), Word(c.SuitsAveraging) }
                    : []));
            }
            return ExitCode.Success;
        });
        return command.WithExamples("cresset sa rules", "cresset sa rules \"2/(k+5)^0.6\"");
    }

    private static Command Demo()
    {
        var seed = new Option<ulong>("--seed") { Description = "Seed of all noise.", DefaultValueFactory = _ => 1, HelpName = "N" };
        var folder = new Option<string>("--out")
        {
            Description = "Folder for the pictures.",
            DefaultValueFactory = _ => "sa-demo",
            HelpName = "FOLDER"
        };
        var command = new Command("demo",
            "Mean estimation, root finding and stochastic against mini-batch and batch gradients, as tables and PNGs.") { seed, folder };
        command.SetAction(result =>
        {
            var target = Directory.CreateDirectory(result.GetValue(folder)!).FullName;
            var random = result.GetValue(seed);
            Show("Mean of noise around 2 (error of the estimate)", ApproximationDemo.Means(random), "observations", "error",
                Path.Combine(target, "mean.png"));
            Show("Root of tanh(x - 1) under noise (distance from the root)", ApproximationDemo.Roots(random), "updates", "distance",
                Path.Combine(target, "root.png"));
            var descents = ApproximationDemo.Descents(random);
            Show("Least squares: relative error against passes over the data", descents, "passes", "relative error",
                Path.Combine(target, "sgd.png"));
            Output.Table(["method", "after 1 pass (far)", "after 10", "after 100 (near)"],
                descents.Select(d => new[] { d.Name, At(d, 1), At(d, 10), At(d, 100) }));
            Console.Out.WriteLine(
                $"Far from the optimum many noisy steps win; near it only the falling noise of larger batches, falling steps or averages "
                    + $"goes on. Pictures in {target}");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset sa demo", "cresset sa demo --seed 7 --out pictures");
    }

    private static void Show(string title, IReadOnlyList<ApproximationCurve> curves, string xLabel, string yLabel, string path)
    {
        var chart = new Chart(
            new ChartOptions { Title = title, XLabel = xLabel, YLabel = yLabel, LogX = true, LogY = true, Legend = LegendPlace.LowerLeft });
        foreach (var curve in curves) chart.Line<double, double>(curve.Name, curve.Xs, curve.Errors);
        chart.Save(path);
        Console.Out.WriteLine(title);
        Output.Table(["method", "start", "middle", "end"],
            curves.Select(
                c => new[] { c.Name, Output.Number(c.Errors[0]), Output.Number(c.Errors[c.Errors.Length / 2]),
                    Output.Number(c.Errors[^1]) }));
    }

    private static string At(ApproximationCurve curve, double passes)
    {
        var at = Array.FindIndex(curve.Xs, x => x >= passes - 1e-9);
        return at < 0 ? "-" : curve.Errors[at].ToString("0.0e+0", CultureInfo.InvariantCulture);
    }

    private static string Word(bool? value) => value switch { true => "yes", false => "no", null => "unknown" };
}
