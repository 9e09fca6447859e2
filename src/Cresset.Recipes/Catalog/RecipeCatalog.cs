using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>The recipes that come with Cresset, and the way to a recipe by name or file.</summary>
public sealed class RecipeCatalog
{
    private const string Prefix = "recipes/";
    private const string Suffix = ".yaml";
    private const int LargestFile = 1 << 20;

    /// <summary>A catalog whose recipes may name the given parts; the built-in ones by default.</summary>
    public RecipeCatalog(PartCatalog? parts = null) => Parts = parts ?? BuiltInParts.Catalog;

    /// <summary>What recipes can name: jobs, optimizers, data sets, environments ...</summary>
    public PartCatalog Parts { get; }

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
        if (Names.Contains(nameOrFile)) return Recipe.Parse(Embedded(nameOrFile), $"{nameOrFile}{Suffix} (built in)", nameOrFile, Parts);
        var looksLikeFile = nameOrFile.Contains('/', StringComparison.Ordinal) || nameOrFile.Contains('\\', StringComparison.Ordinal)
            || nameOrFile.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase)
            || nameOrFile.EndsWith(".yml", StringComparison.OrdinalIgnoreCase);
        if (looksLikeFile && File.Exists(nameOrFile)) return Read(nameOrFile, Path.GetFileNameWithoutExtension(nameOrFile));
        throw new ConfigException(ConfigSource.CommandLine, looksLikeFile
            ? $"there is no recipe file '{nameOrFile}'."
            : $"there is no recipe '{nameOrFile}'.{NearestName.Suggest(nameOrFile, Names)} Known recipes: {string.Join(", ", Names)}.");
    }

    /// <summary>What a list says of a built-in recipe. Most are read line by line, without their jobs.</summary>
    /// <exception cref="ConfigException">There is none of this name.</exception>
    public RecipeHeading Heading(string name)
    {
        if (Names.Contains(name) && RecipeHeading.OfPlainLines(name, Embedded(name)) is { } heading) return heading;
        var recipe = Find(name);
        return new(recipe.Name, recipe.Subject, recipe.Job.Name, recipe.Summary);
    }

    /// <summary>A recipe from a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">Its name where the file gives none.</param>
    /// <exception cref="ConfigException">The file is damaged, or larger than 1 MiB.</exception>
    public Recipe Read(string path, string name)
    {
        try
        {
            return Recipe.Parse(Text(path), path, name, Parts);
        }
        catch (InvalidDataException e)
        {
            throw new ConfigException(new ConfigSource(path, 0), e.Message[(path.Length + 2)..]);
        }
    }

    // A pipe or device (a shell's <(...)) says nothing of its length: no more is read than a recipe may have.
    private static string Text(string path)
    {
        using var reader = Utf8Text.Open(path);
        var letters = new char[LargestFile + 1];
        int count;
        try
        {
            count = reader.ReadBlock(letters);
        }
        catch (System.Text.DecoderFallbackException e)
        {
            throw Utf8Text.Refusal(path, e);
        }
        return count <= LargestFile ? new string(letters, 0, count)
            : throw new ConfigException(new ConfigSource(path, 0), "the file is larger than 1 MiB: this is not a recipe.");
    }

    private static string Embedded(string name)
    {
        using var stream = typeof(RecipeCatalog).Assembly.GetManifestResourceStream(Prefix + name + Suffix)!;
        return new StreamReader(stream).ReadToEnd();
    }
}
