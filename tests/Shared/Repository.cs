namespace Cresset.Tests;

/// <summary>Finds the repository's own files from wherever the tests run.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>The path of a reference file: <c>Repository.Reference("flows/ode.json")</c>.</summary>
    public static string Reference(string name) => Path.Combine(Root, "tests", "References", name);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Cresset.slnx"))) return folder.FullName;
        }
        throw new DirectoryNotFoundException(
            $"No Cresset.slnx above {AppContext.BaseDirectory}: run the tests from a build inside the repository.");
    }
}
