using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>The recipes that come with Cresset, and the way to a recipe by name or file.</summary>
public sealed class RecipeCatalog
{
    private const string Prefix = "recipes/";
    private const string Suffix = ".yaml";

    /// <summary>A catalog over the given jobs; the built-in ones by default.</summary>
    public RecipeCatalog(IReadOnlyList<IJob>? jobs = null) => Jobs = jobs ?? JobCatalog.All;

    /// <summary>What recipes can run.</summary>
    public IReadOnlyList<IJob> Jobs { get; }

    /// <summary>Names of the built-in recipes, sorted.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. typeof(RecipeCatalog).Assembly.GetManifestResourceNames()
        .Where(n => n.StartsWith(Prefix, StringComparison.Ordinal))
        .Select(n => n[Prefix.Length..^Suffix.Length])
        .Order(StringComparer.Ordinal)];

    /// <summary>A recipe by built-in name or by file (anything with a folder or ending in .yaml or .yml).</summary>
    /// <exception cref="ConfigException">No such recipe (the nearest name is given), no such file, or a damaged one.</exception>
    public Recipe Find(string nameOrFile)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(nameOrFile);
        if (Names.Contains(nameOrFile)) return Recipe.Parse(Embedded(nameOrFile), $"{nameOrFile}{Suffix} (built in)", nameOrFile, Jobs);
        var looksLikeFile = nameOrFile.Contains('/', StringComparison.Ordinal) || nameOrFile.Contains('\\', StringComparison.Ordinal) || nameOrFile.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase) || nameOrFile.EndsWith(".yml", StringComparison.OrdinalIgnoreCase);
        if (File.Exists(nameOrFile) && looksLikeFile) return Recipe.Parse(File.ReadAllText(nameOrFile), nameOrFile, Path.GetFileNameWithoutExtension(nameOrFile), Jobs);
        throw new ConfigException(ConfigSource.CommandLine, looksLikeFile
            ? $"there is no recipe file '{nameOrFile}'."
            : $"there is no recipe '{nameOrFile}'.{NearestName.Suggest(nameOrFile, Names)} Known recipes: {string.Join(", ", Names)}.");
    }

    private static string Embedded(string name)
    {
        using var stream = typeof(RecipeCatalog).Assembly.GetManifestResourceStream(Prefix + name + Suffix)!;
        return new StreamReader(stream).ReadToEnd();
    }
}
