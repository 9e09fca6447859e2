using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace Cresset.Native.Loading;

/// <summary>
/// Loads TorchSharp's native shim where the runtime's own search failed; a healthy program never gets this far. There are two reasons.
/// libtorch lies somewhere else than beside the program (<see cref="LibtorchFolders"/>). Or the system's libstdc++ is older than GCC 13.2
/// (Debian 12, Ubuntu 22.04): the shim demands <c>GLIBCXX_3.4.32</c> for one symbol that nothing uses, and that demand is made weak in a
/// copy in memory.
/// </summary>
internal static class TorchLibraryResolver
{
    private const string Shim = "LibTorchSharp";
    private static readonly string ShimFile = OperatingSystem.IsWindows() ? "LibTorchSharp.dll" : OperatingSystem.IsMacOS()
        ? "libLibTorchSharp.dylib" : "libLibTorchSharp.so";
    private static readonly Lock Gate = new();
    private static Func<string?>? _further;
    private static nint _handle;
    private static bool _tried;

    public static string Story { get; private set; } = "libtorch was found by the runtime's own search, or not asked for yet.";

    /// <summary>Why libtorch could not be loaded, once that was tried.</summary>
    public static LibtorchMissingException? Failure { get; private set; }

    public static void Register() => AssemblyLoadContext.Default.ResolvingUnmanagedDll += Resolve;

    /// <summary>
    /// Where to look last, once libtorch is needed and neither the program nor its environment has it: gives a folder, or null.
    /// </summary>
    public static void LookLastIn(Func<string?> folder) => _further = folder;

    private static nint Resolve(Assembly assembly, string name)
    {
        if (name != Shim && name != ShimFile) return 0;
        lock (Gate)
        {
            if (Failure is not null) throw Failure;
            if (_tried) return _handle;
            _tried = true;
            try
            {
                return _handle = Load();
            }
            catch (Exception e) when (e is IOException or InvalidDataException or DllNotFoundException or BadImageFormatException
                or KeyNotFoundException or UnauthorizedAccessException)
            {
                Story = "libtorch could not be loaded: " + e.Message.ReplaceLineEndings(" ");
                LibtorchMissingException.EndWithOneLine();
                throw Failure = new LibtorchMissingException(Story, e);
            }
        }
    }

    private static nint Load()
    {
        if (LibtorchFolders.Locate(_further) is not { } folder)
            throw new DllNotFoundException("this program carries none. " + LibtorchPackage.Advice);
        if (LibtorchFolders.Find(ShimFile) is not { } shim)
            throw new DllNotFoundException(
                $"TorchSharp's {ShimFile} is not there for {LibtorchPackage.ThisSystem}. {LibtorchPackage.Advice}");
        if (OperatingSystem.IsMacOS()) return LoadTogether(folder, shim);
        LoadFirst(folder);
        return OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64 ? LoadPatched(folder, shim)
            : LoadPlain(folder, shim);
    }

    private static nint LoadPlain(string folder, string shim)
    {
        var handle = NativeLibrary.Load(shim);
        Story = $"libtorch was loaded from {folder}.";
        return handle;
    }

    private static nint LoadPatched(string folder, string shim)
    {
        var image = File.ReadAllBytes(shim);
        switch (new ElfVersionNeeds(image).Weaken("libstdc++.so.6", "GLIBCXX_3.4.32", "_ZSt21ios_base_library_initv"))
        {
            case WeakenResult.OtherSymbolsDependOnIt:
                throw new DllNotFoundException(
                    $"{shim} needs a libstdc++ of GCC 13.2 or newer (GLIBCXX_3.4.32) for more than its initialisation. Install a newer "
                        + $"libstdc++6.");
            case WeakenResult.NotNeeded:
                // Not an old libstdc++: let the loader say what it misses.
                return LoadPlain(folder, shim);
        }
        // A libstdc++ that has the version needs no patch: then libtorch was only out of sight.
        if (NativeLibrary.TryLoad(shim, out var plain))
        {
            Story = $"libtorch was loaded from {folder}.";
            return plain;
        }
        var handle = NativeLibrary.Load(MemoryFile.PathFor(ShimFile, image));
        Story = $"{shim} loaded from memory with a weak need of GLIBCXX_3.4.32 (this system's libstdc++ is older than GCC 13.2); libtorch "
            + $"from {folder}.";
        return handle;
    }

    // The shim has no folder with libtorch to look into, so what it depends on must be loaded before it: loaders then take what bears the
    // name.
    private static void LoadFirst(string folder)
    {
        // Windows itself does not bring these; its loader would name libtorch as what is missing.
        if (OperatingSystem.IsWindows()
            && new[] { "msvcp140.dll", "vcruntime140.dll" }.FirstOrDefault(library => !NativeLibrary.TryLoad(library, out _)) is { } absent)
            throw new DllNotFoundException(
            $"libtorch needs the Visual C++ runtime, of which {absent} is missing: install Microsoft's Visual C++ Redistributable for "
                + $"{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}.");
        string[] libraries = OperatingSystem.IsWindows() ? ["c10.dll", "torch_cpu.dll", "torch.dll"]
            : ["libc10.so", "libtorch_cpu.so", "libtorch.so"];
        foreach (var path in libraries.Select(library => Path.Combine(folder, library)).Where(File.Exists)) NativeLibrary.Load(path);
    }

    // macOS finds a library's dependencies by the place of its file, not by what is loaded already: shim and libtorch are laid into one
    // folder (APFS shares their blocks).
    private static nint LoadTogether(string folder, string shim)
    {
        if (Path.GetDirectoryName(shim) == folder) return LoadPlain(folder, shim);
        var together = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "cresset",
            $"libtorch-{LibtorchPackage.Version}-{new FileInfo(shim).Length}");
        Directory.CreateDirectory(together);
        foreach (var file in Directory.EnumerateFiles(folder, "*.dylib").Append(shim))
        {
            var place = Path.Combine(together, Path.GetFileName(file));
            if (File.Exists(place) && new FileInfo(place).Length == new FileInfo(file).Length) continue;
            var unfinished = $"{place}.{Environment.ProcessId}";
            File.Copy(file, unfinished, overwrite: true);
            File.Move(unfinished, place, overwrite: true);
        }
        return LoadPlain(folder, Path.Combine(together, Path.GetFileName(shim)));
    }
}
