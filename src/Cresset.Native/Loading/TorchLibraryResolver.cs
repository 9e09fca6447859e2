using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace Cresset.Native.Loading;

/// <summary>
/// Loads TorchSharp's native shim where the system's libstdc++ is older than GCC 13.2 (Debian 12, Ubuntu 22.04).
/// The shim demands <c>GLIBCXX_3.4.32</c> for one symbol that nothing uses; that demand is made weak in a copy in memory.
/// The runtime asks here only after its own search failed, so a healthy system never gets this far.
/// </summary>
internal static class TorchLibraryResolver
{
    private const string Shim = "LibTorchSharp";
    private const string ShimFile = "libLibTorchSharp.so";
    private static readonly Lock Gate = new();
    private static readonly string[] Dependencies = ["libc10.so", "libtorch_cpu.so", "libtorch.so"];
    private static nint _handle;
    private static bool _tried;

    public static string Story { get; private set; } = "libtorch was found by the runtime's own search, or not asked for yet.";

    public static void Register()
    {
        if (OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64)
            AssemblyLoadContext.Default.ResolvingUnmanagedDll += Resolve;
    }

    private static nint Resolve(Assembly assembly, string name)
    {
        if (name != Shim && name != ShimFile) return 0;
        lock (Gate)
        {
            if (_tried) return _handle;
            _tried = true;
            try
            {
                _handle = LoadPatched();
            }
            catch (Exception e) when (e is IOException or InvalidDataException or DllNotFoundException or BadImageFormatException or KeyNotFoundException)
            {
                Fail(e.Message);
            }
            return _handle;
        }
    }

    private static nint LoadPatched()
    {
        if (Find(ShimFile) is not { } path)
        {
            Fail($"{ShimFile} is in none of {string.Join(", ", SearchFolders())}. Reference libtorch-cpu-linux-x64 (or a CUDA package) in the executable's project.");
            return 0;
        }
        var image = File.ReadAllBytes(path);
        switch (new ElfVersionNeeds(image).Weaken("libstdc++.so.6", "GLIBCXX_3.4.32", "_ZSt21ios_base_library_initv"))
        {
            case WeakenResult.OtherSymbolsDependOnIt:
                Fail($"{path} needs a libstdc++ of GCC 13.2 or newer (GLIBCXX_3.4.32) for more than its initialisation. Install a newer libstdc++6.");
                return 0;
            case WeakenResult.NotNeeded:
                // Not an old libstdc++: let the loader say what it misses.
                Story = $"{path} loaded directly.";
                return NativeLibrary.Load(path);
        }
        // The copy in memory has no folder of its own to look into, so what it depends on must be loaded before it.
        foreach (var dependency in Dependencies)
        {
            if (Find(dependency) is { } dependencyPath) NativeLibrary.Load(dependencyPath);
        }
        var handle = NativeLibrary.Load(MemoryFile.PathFor(ShimFile, image));
        Story = $"{path} loaded from memory with a weak need of GLIBCXX_3.4.32 (this system's libstdc++ is older than GCC 13.2).";
        return handle;
    }

    private static void Fail(string why)
    {
        Story = "libtorch could not be loaded: " + why;
        Console.Error.WriteLine("cresset: " + Story);
    }

    private static string? Find(string file) => SearchFolders().Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists);

    private static IEnumerable<string> SearchFolders()
    {
        var folders = (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return folders.Append(AppContext.BaseDirectory).Append(Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native")).Distinct();
    }
}
