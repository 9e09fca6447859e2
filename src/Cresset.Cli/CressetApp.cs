using System.CommandLine;
using System.Globalization;
using System.Reflection;
using Cresset.Cli.Libtorch;
using Cresset.Native.Loading;
using Cresset.Numerics;
using Cresset.Recipes;

namespace Cresset.Cli;

/// <summary>
/// The <c>cresset</c> command as a program of your own: <c>return await CressetApp.Run(args);</c> is the whole of its <c>Program.cs</c>.
/// Parts of the calling program (jobs, data sets, environments, optimizers with <see cref="PartAttribute"/>) stand beside the built-in ones
/// in recipes and lists.
/// </summary>
public static class CressetApp
{
    /// <summary>
    /// Runs a command line to its end on the calling thread and gives the exit code: 0, 1 failed, 2 wrong use, 3 missed gate, 130
    /// interrupted.
    /// </summary>
    /// <param name="args">The words after the program's name.</param>
    /// <param name="assemblies">Further assemblies with parts; that of the program itself is always among them.</param>
    // Synchronous inside: training must stay on the main thread, where glibc keeps freed memory.
    public static Task<int> Run(string[] args, params IReadOnlyList<Assembly> assemblies)
    {
        TorchLibraryResolver.LookLastIn(LibtorchStore.FolderOrFetch);
        // A program of your own may run under a culture where "0.7" is 7; a command line means the same everywhere.
        var culture = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        try
        {
            return Task.FromResult(ErrorBoundary.Run(() => CommandTree.Create(Parts(assemblies), args).Parse(args, Words).Run()));
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    // A word with @ is a word: a prompt or the name of a person. Lists in files are read by the options that say so.
    private static ParserConfiguration Words => new() { ResponseFileTokenReplacer = null };

    private static PartCatalog Parts(IReadOnlyList<Assembly> assemblies)
    {
        ArgumentNullException.ThrowIfNull(assemblies);
        var own = Assembly.GetEntryAssembly() is { } entry && entry != typeof(CressetApp).Assembly ? assemblies.Append(entry) : assemblies;
        return BuiltInParts.Catalog.With(own);
    }
}
