using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Recipes;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset show NAME</c>: a part or a recipe with all its options.</summary>
internal static class ShowCommand
{
    public const string Summary = "Show what a part or a recipe can be told: options, defaults, ranges.";

    public static Command Create(PartCatalog parts)
    {
        var name = new Argument<string>(
            "NAME")
        { Description = "A part (lion, cosine, folder ...), a kind and a part (optimizer/lion), or a recipe." };
        var json = SharedOptions.Json();
        var with = new PartsOption(parts);
        var command = new Command("show", Summary) { name, with.Option, json };
        name.CompletesPart(with);
        command.SetAction(result => Run(result.GetValue(name)!, with.Recipes(result), result.GetValue(json)));
        return command.WithExamples("cresset show lion", "cresset show optimizer/lion --json", "cresset show digits-classifier");
    }

    private static int Run(string name, RecipeCatalog catalog, bool json)
    {
        var parts = catalog.Parts;
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        var found = slash > 0 && parts.Kinds.Contains(name[..slash])
            ? [parts.Get(name[..slash], name[(slash + 1)..])]
            : parts.All.Where(p => p.IsNamed(name)).ToList();
        var isRecipe = RecipeCatalog.Names.Contains(name) || name.EndsWith(".yaml", StringComparison.OrdinalIgnoreCase)
            || name.EndsWith(".yml", StringComparison.OrdinalIgnoreCase);
        if (found.Count == 0 && !isRecipe) throw new ArgumentException(
            $"there is no part or recipe '{name}'.{NearestName.Suggest(name, parts.All.Select(p => p.Name).Concat(RecipeCatalog.Names))} "
                + $"'cresset list kinds' shows all parts, 'cresset list' the recipes.");
        if (isRecipe) found.RemoveAll(p => p.Kind == "job");
        if (json)
        {
            var shownParts = found.Select(p => (object)new { p.Kind, p.Name, p.Summary, p.Source, Options = Facts(parts, p) });
            Output.Json(isRecipe ? shownParts.Append(Described(catalog.Find(name), parts)) : shownParts);
            return ExitCode.Success;
        }
        foreach (var part in found) Print(part, parts);
        if (isRecipe) Print(catalog.Find(name), parts);
        return ExitCode.Success;
    }

    private static void Print(PartEntry part, PartCatalog parts)
    {
        Console.Out.WriteLine($"{part.Kind} {part.Name}{(part.Source.Length == 0 ? "" : $" ({part.Source})")}");
        if (part.Summary.Length > 0) Output.Paragraph(part.Summary, "  ");
        if (part.Create() is IJob job)
        {
            foreach (var section in job.Sections) Print(section.Name, section.Defaults, parts);
            return;
        }
        var facts = Facts(parts, part);
        if (facts.Count == 0) Console.Out.WriteLine("  It has no options.");
        Print(facts);
        Console.Out.WriteLine();
    }

    private static void Print(Recipe recipe, PartCatalog parts)
    {
        Console.Out.WriteLine($"recipe {recipe.Name}, job {recipe.Job.Name}");
        Output.Paragraph(recipe.Summary, "  ");
        foreach (var (section, record) in recipe.ResolveForHelp()) Print(section, record, parts);
        if (recipe.Comparison is not { } comparison) return;
        Console.Out.WriteLine();
        Console.Out.WriteLine($"  cresset sweep {recipe.Name} compares:");
        Output.Entries(comparison.Settings.Select(s => (s.Name, string.Join(' ', s.Words))), "    ");
    }

    private static void Print(string section, IOptionsRecord record, PartCatalog parts)
    {
        Console.Out.WriteLine();
        Console.Out.WriteLine($"  {section}:");
        Print(new OptionFacts(parts, record).All);
    }

    private static void Print(IReadOnlyList<OptionFact> facts)
        => Output.Entries(
            facts.Select(
                f => ($"{f.Key} = {f.Default}",
                    $"{f.Summary.TrimEnd('.')}{(f.Summary.Length == 0 ? f.Type : $"; {f.Type}")}"
                        + $"{(f.Allowed.Length == 0 ? "" : $", allowed: {f.Allowed}")}.")), "    ");

    private static IReadOnlyList<OptionFact> Facts(PartCatalog parts, PartEntry part) =>
        part.Create() is IOptionsRecord record ? new OptionFacts(parts, record).All : [];

    private static object Described(Recipe recipe, PartCatalog parts) => new
    {
        Kind = "recipe",
        recipe.Name,
        recipe.Summary,
        Job = recipe.Job.Name,
        Sections = recipe.ResolveForHelp().ToDictionary(s => s.Key, s => new OptionFacts(parts, s.Value).All),
        Compares = recipe.Comparison?.Settings.ToDictionary(s => s.Name, s => s.Words),
    };
}
