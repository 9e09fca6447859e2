using Cresset.Native.Loading;
using NuGet.Configuration;

namespace Cresset.Cli.Libtorch;

/// <summary>
/// The libtorch of a command that carries none: in NuGet's own packages folder, where restoring a project that references it would put it.
/// Fetched there when it is first needed, unless <c>CRESSET_FETCH=off</c> forbids it.
/// </summary>
internal static class LibtorchStore
{
    public const string FetchVariable = "CRESSET_FETCH";

    public static bool MayFetch => Environment.GetEnvironmentVariable(FetchVariable) is not ("off" or "0" or "false" or "no");

    /// <summary>The folder with the libraries; they are fetched if they are not there. What the loader asks as its last resort.</summary>
    /// <returns>Null where no package is published for this system.</returns>
    /// <exception cref="IOException">It is not there and could not be fetched.</exception>
    public static string? FolderOrFetch()
    {
        if (LibtorchPackage.ForThisSystem is not { } package) return null;
        if (Installed(package) is { } folder) return folder;
        if (!MayFetch)
            throw new IOException(
                $"{package.Id} {LibtorchPackage.Version} is not there and {FetchVariable}=off forbids to fetch it. "
                    + $"{LibtorchPackage.Advice}");
        return new LibtorchDownload(package).Run(CancellationToken.None);
    }

    /// <summary>
    /// The folder with the libraries, or null: the package folder that NuGet is configured with, then its fallback folders.
    /// </summary>
    public static string? Installed(LibtorchPackage package)
    {
        var settings = ReadSettings();
        return SettingsUtility.GetFallbackPackageFolders(settings).Prepend(SettingsUtility.GetGlobalPackagesFolder(settings))
            .Select(package.In).FirstOrDefault(found => found is not null);
    }

    /// <summary>NuGet's configuration as a project in this folder would have it.</summary>
    /// <exception cref="IOException">A configuration file cannot be read.</exception>
    public static ISettings ReadSettings()
    {
        try
        {
            return Settings.LoadDefaultSettings(Directory.GetCurrentDirectory());
        }
        catch (NuGetConfigurationException e)
        {
            throw new IOException($"NuGet's configuration cannot be read: {e.Message}", e);
        }
    }
}
