namespace Cresset.Native.Loading;

/// <summary>Where libtorch may lie, in the order in which it is looked for.</summary>
internal static class LibtorchFolders
{
    /// <summary>Names a folder with libtorch's libraries, for programs that carry none.</summary>
    public const string Variable = "CRESSET_LIBTORCH";

    /// <summary>The program's own folders: where the runtime looks for native libraries.</summary>
    public static IEnumerable<string> OfTheProgram()
    {
        var folders = (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "").Split(Path.PathSeparator,
            StringSplitOptions.RemoveEmptyEntries);
        return folders.Append(AppContext.BaseDirectory)
            .Append(Path.Combine(AppContext.BaseDirectory, "runtimes", LibtorchPackage.ThisSystem, "native")).Distinct();
    }

    // Where NuGet keeps packages if its configuration does not say otherwise.
    private static string UsualPackages => Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } set
        ? set
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    /// <summary>The first of the program's folders with a file, as the whole path.</summary>
    public static string? Find(string file) => OfTheProgram().Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists);

    /// <summary>
    /// The folder with libtorch's main library, or null: the program's own, then the one that <see cref="Variable"/> names, then NuGet's
    /// package folder (from which TorchSharp would copy half a gigabyte beside the program), then what a command knows of.
    /// </summary>
    /// <exception cref="DllNotFoundException">The variable names a folder without libtorch.</exception>
    public static string? Locate(Func<string?>? further)
    {
        if (Find(LibtorchPackage.MainFile) is { } own) return Path.GetDirectoryName(own);
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } named)
            return (LibtorchPackage.ForThisSystem is { } package ? package.In(UsualPackages) : null) ?? further?.Invoke();
        var folder = Path.GetFullPath(named);
        if (File.Exists(Path.Combine(folder, LibtorchPackage.MainFile))) return folder;
        // A libtorch as PyTorch's site packs it has its libraries in lib.
        if (File.Exists(Path.Combine(folder, "lib", LibtorchPackage.MainFile))) return Path.Combine(folder, "lib");
        throw new DllNotFoundException($"{Variable} is '{named}': there is no {LibtorchPackage.MainFile} in it.");
    }
}
