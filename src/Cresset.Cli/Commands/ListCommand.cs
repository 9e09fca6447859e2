using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Recipes;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset list</c>: the recipes that come with Cresset.</summary>
internal static class ListCommand
{
    public static Command Create()
    {
        var json = SharedOptions.Json();
        var show = new Argument<string?>("RECIPE") { Description = "Print this recipe instead of the list.", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("list", "List the recipes, or print one.") { show, json };
        command.Aliases.Add("recipes");
        command.SetAction(result => Run(result.GetValue(show), result.GetValue(json)));
        return command.WithExamples("cresset list", "cresset list digits-classifier > mine.yaml   # then: cresset train mine.yaml");
    }

    private static int Run(string? name, bool json)
    {
        var catalog = new RecipeCatalog();
        if (name is not null)
        {
            Console.Out.Write(catalog.Find(name).Yaml);
            return ExitCode.Success;
        }
        var recipes = RecipeCatalog.Names.Select(catalog.Find).ToList();
        if (json) Output.Json(recipes.Select(r => new { r.Name, Job = r.Job.Name, r.Summary }));
        else Output.Table(["recipe", "job", "what it does"], recipes.Select(r => new[] { r.Name, r.Job.Name, r.Summary }));
        return ExitCode.Success;
    }
}
