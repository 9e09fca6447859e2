using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Recipes;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset activations</c>: the catalog of activation functions, and pictures of them.</summary>
internal static class ActivationsCommand
{
    public const string Summary = "The catalog of activation functions: formula, range, smoothness, source, models.";

    public static Command Create()
    {
        var json = SharedOptions.Json();
        var command = new Command("activations", Summary) { json };
        command.SetAction(result => List(result.GetValue(json)));
        command.Add(Plot());
        return command.WithExamples("cresset activations", "cresset activations plot silu gelu mish -o gates.png",
            "cresset activations plot \"elu(alpha=0.5)\" relu2 --from -3 --to 3");
    }

    private static Command Plot()
    {
        var names = new Argument<string[]>("NAME")
        {
            Description = "One or more activations; numbers in parentheses are allowed.",
            Arity = ArgumentArity.OneOrMore
        };
        var output = new Option<string>("--output", "-o")
        {
            Description = "The PNG file to write.",
            DefaultValueFactory = _ => "activations.png",
            HelpName = "FILE"
        };
        var from = new Option<double>("--from") { Description = "Left end.", DefaultValueFactory = _ => -5 };
        var to = new Option<double>("--to") { Description = "Right end.", DefaultValueFactory = _ => 5 };
        var command = new Command("plot", "Draw f, f' and f'' of activations into one picture.") { names, output, from, to };
        command.SetAction(result => Draw(result.GetValue(names)!, result.GetValue(output)!, result.GetValue(from), result.GetValue(to)));
        return command;
    }

    private static int List(bool json)
    {
        if (json)
            Output.Json(
                ActivationCatalog.All.Select(
                    a => new
                    {
                        a.Name,
                        a.Aliases,
                        a.Kind,
                        a.Formula,
                        a.Derivative,
                        a.Range,
                        a.Smoothness,
                        a.Paper,
                        a.UsedBy,
                        a.Parameters
                    }));
        else Output.Table(["name", "kind", "f(x)", "range", "smooth", "source", "used by"],
            ActivationCatalog.All.Select(
                a => new[] { a.Name, a.Kind.ToString().ToLowerInvariant(), a.Formula, a.Range, a.Smoothness.ToString().ToLowerInvariant(),
                    a.Paper, a.UsedBy }));
        return ExitCode.Success;
    }

    private static int Draw(string[] names, string output, double from, double to)
    {
        if (!(from < to) || !double.IsFinite(from) || !double.IsFinite(to))
            return Usage($"--from is {from} and --to is {to}; from must be below to.");
        Output.RequirePng("--output", output);
        AtomicFile.WriteBytes(output, ActivationPlot.Create(names, from, to).ToPng());
        Console.Out.WriteLine(Path.GetFullPath(output));
        return ExitCode.Success;
    }

    private static int Usage(string message)
    {
        Console.Error.WriteLine("cresset: " + message);
        return ExitCode.Usage;
    }
}
