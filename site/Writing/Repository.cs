namespace Cresset.Site.Writing;

/// <summary>Where the sources of the site lie.</summary>
internal static class Repository
{
    /// <summary>The folder of the solution above a place inside it.</summary>
    public static string Find(string inside)
    {
        for (var folder = new DirectoryInfo(inside); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Cresset.slnx"))) return folder.FullName;
        }
        throw new DirectoryNotFoundException($"no Cresset.slnx above {inside}: run this program from a checkout.");
    }
}
