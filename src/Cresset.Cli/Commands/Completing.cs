using System.CommandLine;
using System.CommandLine.Completions;
using Cresset.Numerics;
using Cresset.Recipes;
using Cresset.Runs;

namespace Cresset.Cli.Commands;

/// <summary>What a shell offers for the words of a command line: recipes, their keys and values, kinds, parts, runs.</summary>
internal static class Completing
{
    private const int MostRuns = 50;

    /// <summary>The recipe and its overrides, as train and sweep take them: the recipe's name first, then <c>key=value</c>.</summary>
    public static void CompletesRecipe(this Argument<string[]> words, PartsOption parts, Argument<string>? recipe = null)
        => words.Completes(context =>
        {
            var given = (context.ParseResult.GetValue(words) ?? []).ToList();
            // The word under the cursor is not yet said.
            if (given.Count > 0 && given[^1] == context.WordToComplete) given.RemoveAt(given.Count - 1);
            var name = recipe is not null ? context.ParseResult.GetValue(recipe)
                : given.FirstOrDefault(w => !w.Contains('=', StringComparison.Ordinal));
            var overrides = given.Where(w => w.Contains('=', StringComparison.Ordinal));
            var catalog = parts.Recipes(context.ParseResult);
            if (name is null && !overrides.Any() && !context.WordToComplete.Contains('=', StringComparison.Ordinal))
                return RecipeCatalog.Names;
            return catalog.Find(name ?? TrainCommand.DefaultRecipe).Completions(context.WordToComplete, overrides);
        });

    /// <summary>The name of a recipe.</summary>
    public static void CompletesRecipe(this Argument<string> name) => name.Completes(_ => RecipeCatalog.Names);

    /// <summary>A kind of parts, also as <c>--optimizers</c>, or a recipe.</summary>
    public static void CompletesKind(this Argument<string?> what, PartsOption parts)
        => what.Completes(context => parts.Of(context.ParseResult).Kinds.Concat(["kinds", "verbs"]).Concat(RecipeCatalog.Names));

    /// <summary>A part by name, or by kind and name, or a recipe.</summary>
    public static void CompletesPart(this Argument<string> name, PartsOption parts)
        => name.Completes(context =>
        {
            var all = parts.Of(context.ParseResult).All;
            var slash = context.WordToComplete.IndexOf('/', StringComparison.Ordinal);
            return slash > 0
                ? all.Where(p => p.Kind == context.WordToComplete[..slash]).Select(p => $"{p.Kind}/{p.Name}")
                : all.Select(p => p.Name).Concat(RecipeCatalog.Names).Distinct();
        });

    /// <summary>A run of the store that <c>--runs</c> names: names, and ids where the name has several.</summary>
    public static Argument<T> CompletesRun<T>(this Argument<T> run)
    {
        run.Completes(Runs);
        return run;
    }

    /// <summary>A run of the store that <c>--runs</c> names.</summary>
    public static Option<T> CompletesRun<T>(this Option<T> run)
    {
        run.CompletionSources.Add(context => Quietly(Runs, context));
        return run;
    }

    private static IEnumerable<string> Runs(CompletionContext context)
    {
        var folder = context.ParseResult.GetValue<string>("--runs") ?? "runs";
        if (!RunStore.Exists(folder)) return [];
        using var store = RunStore.OpenReadOnly(folder);
        var runs = store.List(new RunQuery { Limit = MostRuns });
        return [.. runs.Select(r => r.Name).Concat(runs.GroupBy(r => r.Name).Where(g => g.Count() > 1).SelectMany(g => g.Select(r => r.Id)))
            .Distinct()];
    }

    private static void Completes<T>(this Argument<T> argument, Func<CompletionContext, IEnumerable<string>> words)
    {
        argument.CompletionSources.Add(context => Quietly(words, context));
        // Without a name for it, help prints all the words that a shell would offer.
        argument.HelpName ??= argument.Name;
    }

    // Half a command line is often wrong still: a shell then offers nothing, and the verb itself says what is wrong.
    private static IEnumerable<CompletionItem> Quietly(Func<CompletionContext, IEnumerable<string>> words, CompletionContext context)
    {
        try
        {
            return [.. words(context).Select(word => new CompletionItem(word))];
        }
        catch (Exception e) when (e is ConfigException or ArgumentException or IOException or InvalidDataException
            or InvalidOperationException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
