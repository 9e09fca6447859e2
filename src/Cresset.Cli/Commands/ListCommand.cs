using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Recipes;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset list</c>: the recipes by subject, or the parts of a kind.</summary>
internal static class ListCommand
{
    public const string Summary = "List the recipes by subject, or the parts of a kind.";

    /// <param name="parts">What there is.</param>
    /// <param name="tree">All verbs, for <c>list verbs</c>.</param>
    public static Command Create(PartCatalog parts, Func<Command> tree)
    {
        var json = SharedOptions.Json();
        var with = new PartsOption(parts);
        var what = new Argument<string?>("WHAT")
        {
            Description =
                "A kind of parts (optimizers, schedules, data, jobs ..., also as --optimizers), or a recipe to print; without it, the "
                    + "recipes.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var command = new Command("list", Summary) { what, with.Option, json };
        command.Aliases.Add("recipes");
        what.CompletesKind(with);
        // "--optimizers" says the same as "optimizers"; which kinds there are depends on the assemblies.
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(result =>
        {
            var words = result.UnmatchedTokens.Concat(result.GetValue(what) is { } given ? [given] : [])
                .Select(t => t.StartsWith("--", StringComparison.Ordinal) ? t[2..] : t).ToList();
            if (words.Count > 1)
                throw new ArgumentException($"list takes one kind or recipe, not {string.Join(" and ", words.Select(w => $"'{w}'"))}.");
            return Run(words.FirstOrDefault(), tree, with.Recipes(result), result.GetValue(json));
        });
        return command.WithExamples("cresset list", "cresset list --optimizers", "cresset list kinds", "cresset list verbs",
            "cresset list digits-classifier > mine.yaml   # then: cresset train mine.yaml");
    }

    private static int Run(string? what, Func<Command> tree, RecipeCatalog catalog, bool json)
    {
        if (what is null) return Recipes(catalog, json);
        if (what == "verbs")
        {
            var verbs = Verbs(tree(), "").ToList();
            if (json)
                Output.Json(
                    verbs.Select(
                        v => new
                        {
                            Verb = v.Name,
                            Summary = FirstLine(v.Command),
                            Options = v.Command.Options.Select(o => o.Name),
                            Arguments = v.Command.Arguments.Select(a => a.Name)
                        }));
            else Output.Entries(verbs.Select(v => (v.Name, FirstLine(v.Command))));
            return ExitCode.Success;
        }
        if (what == "kinds")
        {
            var kinds = catalog.Parts.Kinds.Select(k => (Kind: k, Parts: catalog.Parts.Of(k).Select(p => p.Name).ToList())).ToList();
            if (json) Output.Json(kinds.Select(k => new { k.Kind, k.Parts }));
            else Output.Entries(kinds.Select(k => ($"{k.Kind} ({k.Parts.Count})", string.Join(", ", k.Parts))));
            return ExitCode.Success;
        }
        if (Kind(what, catalog.Parts) is { } kind)
        {
            var entries = catalog.Parts.Of(kind);
            if (json) Output.Json(entries.Select(p => new { p.Kind, p.Name, p.Summary, p.Source }));
            else
            {
                Output.Entries(entries.Select(p => (p.Name, p.Source.Length == 0 ? p.Summary : $"{p.Summary.TrimEnd('.')} ({p.Source}).")));
                Console.Out.WriteLine();
                Console.Out.WriteLine($"cresset show {entries[0].Name} prints the options of one.");
            }
            return ExitCode.Success;
        }
        if (!File.Exists(what) && NearestName.Find(what, RecipeCatalog.Names) is null
            && NearestName.Find(what, catalog.Parts.Kinds.Select(Plural)) is { } near)
            throw new ArgumentException(
                $"there is no recipe and no kind of parts '{what}'. Did you mean '{near}'? 'cresset list kinds' names all kinds.");
        Console.Out.Write(catalog.Find(what).Yaml);
        return ExitCode.Success;
    }

    private static int Recipes(RecipeCatalog catalog, bool json)
    {
        var recipes = RecipeCatalog.Names.Select(catalog.Heading).ToList();
        if (json)
        {
            Output.Json(recipes.Select(r => new { r.Name, r.Subject, r.Job, r.Summary }));
            return ExitCode.Success;
        }
        foreach (var group in recipes.GroupBy(r => r.Subject).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            Console.Out.WriteLine(group.Key);
            Output.Entries(group.Select(r => (r.Name, r.Summary)));
            Console.Out.WriteLine();
        }
        // What comes with Cresset need not be loaded to know that nothing is beside it.
        IReadOnlyList<PartEntry> own = ReferenceEquals(catalog.Parts, BuiltInParts.Catalog) ? []
            : [.. catalog.Parts.Of("job").Where(j => !BuiltInParts.Catalog.Assemblies.Contains(j.Type.Assembly))];
        if (own.Count > 0)
        {
            Console.Out.WriteLine("Jobs of your own");
            Output.Entries(own.Select(j => (j.Name, j.Summary)));
            Console.Out.WriteLine();
        }
        Console.Out.WriteLine("cresset train NAME runs one, cresset list NAME prints it; cresset list kinds: what recipes can name.");
        return ExitCode.Success;
    }

    private static IEnumerable<(string Name, Command Command)> Verbs(Command command, string before)
    {
        foreach (var verb in command.Subcommands.OrderBy(c => c.Name, StringComparer.Ordinal))
        {
            var name = before + verb.Name;
            if (verb.Action is not null) yield return (name, verb);
            foreach (var inner in Verbs(verb, name + " ")) yield return inner;
        }
    }

    private static string FirstLine(Command command) => command.Description?.Split(['\r', '\n'])[0] ?? "";

    /// <summary>"optimizers", "optimizer" and "data" to the kind.</summary>
    private static string? Kind(string word, PartCatalog parts)
    {
        var name = word.ToLowerInvariant().Replace('_', '-');
        return parts.Kinds.FirstOrDefault(k => k == name || Plural(k) == name);
    }

    private static string Plural(string kind) => kind switch
    {
        "data" or "tokens" => kind,
        [.. var most, 'y'] => most + "ies",
        [.., 's' or 'x'] => kind + "es",
        _ => kind + "s",
    };
}
