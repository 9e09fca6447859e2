using System.Security.Cryptography;
using Cresset.Native.Loading;
using NuGet.Common;
using NuGet.Configuration;
using NuGet.Packaging;
using NuGet.Packaging.Core;
using NuGet.Packaging.Signing;
using NuGet.Protocol;
using NuGet.Protocol.Core.Types;
using NuGet.Versioning;

namespace Cresset.Cli.Libtorch;

/// <summary>
/// Fetches a libtorch package from the sources that NuGet is configured with, holds it against the checksum that was published with it, and
/// lays it into NuGet's packages folder. Several processes that want it wait for the one that fetches.
/// </summary>
internal sealed class LibtorchDownload(LibtorchPackage package)
{
    private readonly ISettings _settings = LibtorchStore.ReadSettings();
    private readonly NuGetVersion _version = NuGetVersion.Parse(LibtorchPackage.Version);

    /// <summary>The folder with the libraries.</summary>
    /// <exception cref="IOException">No source has it, or none can be reached.</exception>
    /// <exception cref="InvalidDataException">What came is not the published package.</exception>
    public string Run(CancellationToken cancellation)
    {
        var packages = SettingsUtility.GetGlobalPackagesFolder(_settings);
        // Away from the caller's thread: it may be one that a continuation waits for.
        return Task.Run(
            () => ConcurrencyUtilities.ExecuteWithFileLockedAsync(package.MarkerIn(packages), token => FetchUnlessThere(packages, token),
                cancellation), cancellation).GetAwaiter().GetResult();
    }

    private async Task<string> FetchUnlessThere(string packages, CancellationToken cancellation)
    {
        if (LibtorchStore.Installed(package) is { } there) return there;
        using var cache = new SourceCacheContext { DirectDownload = true, NoCache = true };
        var refusals = new List<string>();
        foreach (var source in Sources())
        {
            try
            {
                var finder = await Repository.Factory.GetCoreV3(source).GetResourceAsync<FindPackageByIdResource>(cancellation);
                if (finder is null || !await finder.DoesPackageExistAsync(package.Id, _version, cache, NullLogger.Instance, cancellation))
                {
                    refusals.Add($"{source.Source} does not have it");
                    continue;
                }
                await Fetch(finder, source, packages, cache, cancellation);
                return package.FolderIn(packages);
            }
            catch (Exception e) when (e is NuGetProtocolException or HttpRequestException)
            {
                refusals.Add($"{source.Source}: {(e.InnerException ?? e).Message.ReplaceLineEndings(" ")}");
            }
        }
        throw new IOException(
            $"{package.Id} {LibtorchPackage.Version} could not be fetched "
                + $"({(refusals.Count == 0 ? "NuGet is configured with no source that may give it" : string.Join("; ", refusals))}). "
            + $"Try again with 'cresset doctor --fetch' where a source can be reached, or name a folder that holds libtorch in "
            + $"{LibtorchFolders.Variable}.");
    }

    private IEnumerable<PackageSource> Sources()
    {
        var enabled = new PackageSourceProvider(_settings).LoadPackageSources().Where(s => s.IsEnabled);
        var mapping = PackageSourceMapping.GetPackageSourceMapping(_settings);
        if (!mapping.IsEnabled) return enabled;
        var named = mapping.GetConfiguredPackageSources(package.Id);
        return enabled.Where(s => named.Contains(s.Name, StringComparer.OrdinalIgnoreCase));
    }

    private async Task Fetch(FindPackageByIdResource finder, PackageSource source, string packages, SourceCacheContext cache,
        CancellationToken cancellation)
    {
        var path = Path.Combine(Path.GetTempPath(), $"{package.Id}.{Guid.NewGuid():N}.nupkg");
        await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16,
            FileOptions.DeleteOnClose | FileOptions.Asynchronous);
        using (var progress = new DownloadProgress(
            $"libtorch for {package.System} ({package.Id} {LibtorchPackage.Version}), once, from {source.Source}", package.DownloadBytes,
            file))
        {
            if (!await finder.CopyNupkgToStreamAsync(package.Id, _version, progress, cache, NullLogger.Instance, cancellation))
                throw new IOException($"{source.Source} listed {package.Id} {LibtorchPackage.Version} but did not give it.");
        }
        Check(file, source, cancellation);
        file.Position = 0;
        var policy = ClientPolicyContext.GetClientPolicy(_settings, NullLogger.Instance);
        using var added = await GlobalPackagesFolderUtility.AddPackageAsync(source.Source, new PackageIdentity(package.Id, _version), file,
            packages, Guid.Empty, policy, NullLogger.Instance, cancellation);
        await Console.Error.WriteLineAsync(
            $"Checksum right (SHA-512 {package.ContentHash[..12]}...); unpacked into {Path.Combine(packages, package.Id)}.");
    }

    private void Check(FileStream file, PackageSource source, CancellationToken cancellation)
    {
        file.Position = 0;
        using var reader = new PackageArchiveReader(file, leaveStreamOpen: true);
        var hash = reader.GetContentHash(cancellation, () =>
        {
            file.Position = 0;
            return Convert.ToBase64String(SHA512.HashData(file));
        });
        if (hash != package.ContentHash) throw new InvalidDataException(
            $"{package.Id} {LibtorchPackage.Version} from {source.Source} has checksum {hash}, but the published one is "
                + $"{package.ContentHash}: it was not kept. Ask whoever runs that source, or name a folder that holds libtorch in "
                + $"{LibtorchFolders.Variable}.");
    }
}
