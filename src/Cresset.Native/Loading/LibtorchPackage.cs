using System.Runtime.InteropServices;

namespace Cresset.Native.Loading;

/// <summary>The NuGet package that brings the libtorch of a system, as TorchSharp's authors publish and sign it.</summary>
/// <param name="System">The runtime identifier, such as <c>linux-x64</c>.</param>
/// <param name="ContentHash">SHA-512 of the package without its signature, in base 64: the <c>contentHash</c> of NuGet's metadata.</param>
/// <param name="DownloadBytes">Size of the package.</param>
internal sealed record LibtorchPackage(string System, string ContentHash, long DownloadBytes)
{
    /// <summary>The libtorch that TorchSharp 0.107 was built against.</summary>
    public const string Version = "2.10.0";

    public static readonly IReadOnlyList<LibtorchPackage> All =
    [
        new("linux-x64", "YGd/F5T77Urmui3LeXOgXP8xqY+RpSZFcMBwV+tBDYMMtxppKyi8O4ajnWSNSmlSctr6KGvSmfGRhmxRGYfbuA==", 128_200_806),
        new("win-x64", "Gr1gCbueixwQIEnWiMXyAs4/uAFBar03K+AxZm9BY3t17MFaX9rEIe9Vxz+Cguo9G6dXXOeGAO3W1OEhax74Mw==", 79_854_046),
        new("win-arm64", "GCJWQsvmhvAE36CzLwIDRdWw+GWWf+C1UWqWtTlZg9wlmA3YAcvY4YGHl2BfZuRt64mScxwYU49Q/jybC+qogQ==", 41_962_447),
        new("osx-arm64", "i8aTC3F+7JI65Jdr4MfgdVdZpFU/FCn2G1b/yc4Z8FauDgpc2cji3mwDfQy+3KdD+rpDBgCiAdqs8o0v7mDNXw==", 56_910_439),
    ];

    /// <summary>The system of this process: <c>linux-musl-x64</c> on Alpine, however the program was built.</summary>
    public static string ThisSystem { get; } = (OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : IsMusl
        ? "linux-musl" : "linux")
        + "-" + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();

    /// <summary>The package for this system, or null where none is published.</summary>
    public static LibtorchPackage? ForThisSystem { get; } = All.FirstOrDefault(p => p.System == ThisSystem);

    public string Id => "libtorch-cpu-" + System;

    /// <summary>The library without which the others do nothing.</summary>
    public static string MainFile =>
        OperatingSystem.IsWindows() ? "torch_cpu.dll" : OperatingSystem.IsMacOS() ? "libtorch_cpu.dylib" : "libtorch_cpu.so";

    /// <summary>Where the libraries lie once the package is in a packages folder.</summary>
    public string FolderIn(string packages) => Path.Combine(packages, Id, Version, "runtimes", System, "native");

    /// <summary>NuGet writes this file when all others are in place.</summary>
    public string MarkerIn(string packages) => Path.Combine(packages, Id, Version, ".nupkg.metadata");

    /// <summary>The folder with the libraries if the package is whole in a packages folder; otherwise null.</summary>
    public string? In(string packages) =>
        File.Exists(MarkerIn(packages)) && File.Exists(Path.Combine(FolderIn(packages), MainFile)) ? FolderIn(packages) : null;

    /// <summary>What to do about a libtorch that is not there, in one sentence.</summary>
    public static string Advice => ForThisSystem is { } package
        ? $"Add it to the project: dotnet add package {package.Id} --version {Version} (or Cresset.Cpu, for every system), or name a "
            + $"folder that holds it in {LibtorchFolders.Variable}."
        : $"No libtorch package is published for {ThisSystem}; systems with one: {string.Join(", ", All.Select(p => p.System))}. What "
            + $"needs no tensors (detection, rl, runs, serve) works here; a libtorch {Version} of your own is used when "
            + $"{LibtorchFolders.Variable} names its folder.";

    private static bool IsMusl =>
        OperatingSystem.IsLinux()
            && (RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.Ordinal)
                || RuntimeInformation.RuntimeIdentifier.StartsWith("alpine", StringComparison.Ordinal));
}
