using System.CommandLine;
using Cresset.Numerics;
using Cresset.Recipes;

namespace Cresset.Cli.Commands;

/// <summary>
/// The option <c>--with FILE</c> of verbs that name parts: the built-in ones, those of the program, and those of the given assemblies.
/// </summary>
/// <param name="parts">What the program has without the option.</param>
internal sealed class PartsOption(PartCatalog parts)
{
    /// <summary>The option to add to a verb.</summary>
    public Option<string[]> Option { get; } = new("--with")
    {
        Description =
            "An assembly of your own whose parts (jobs, data sets, environments ...) recipes may name; can be given several times.",
        HelpName = "FILE.dll",
        Arity = ArgumentArity.ZeroOrMore,
    };

    /// <summary>The parts that a command line may name.</summary>
    public PartCatalog Of(ParseResult result) =>
        result.GetValue(Option) is { Length: > 0 } files ? parts.With(files.Select(OwnAssembly.Load)) : parts;

    /// <summary>The recipes over these parts.</summary>
    public RecipeCatalog Recipes(ParseResult result) => new(Of(result));
}
