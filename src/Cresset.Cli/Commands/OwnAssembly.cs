using System.Reflection;
using System.Runtime.Loader;

namespace Cresset.Cli;

/// <summary>
/// Loads an assembly of the user's for <c>--with</c>. Its packages are found by its deps.json; Cresset, TorchSharp and whatever else the
/// command has in at least the asked version come from the command, so that its records are the ones that recipes bind.
/// </summary>
internal static class OwnAssembly
{
    private static readonly string[] OfTheHost = ["Cresset.", "cresset", "TorchSharp"];

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is not an assembly, was built against another version of Cresset, or lacks a
    /// package.</exception>
    public static Assembly Load(string path)
    {
        var full = Path.GetFullPath(path);
        if (!File.Exists(full))
            throw new FileNotFoundException(
                $"--with is '{path}': there is no such file. Build your project and name its .dll, such as bin/Release/net10.0/My.dll.");
        try
        {
            var assembly = new Context(full).LoadFromAssemblyPath(full);
            CheckVersions(assembly, path);
            _ = assembly.GetTypes();
            return assembly;
        }
        catch (BadImageFormatException e)
        {
            throw new InvalidDataException($"--with is '{path}': this is not a .NET assembly ({e.Message.Split('\n')[0]}).", e);
        }
        catch (ReflectionTypeLoadException e)
        {
            throw new InvalidDataException(
                $"--with is '{path}': "
                    + $"{(e.LoaderExceptions.FirstOrDefault(x => x is not null)?.Message ?? e.Message).ReplaceLineEndings(" ").Trim()} "
                    + $"Copy its packages beside it (dotnet publish), or rebuild it.", e);
        }
        catch (FileLoadException e)
        {
            throw new InvalidDataException($"--with is '{path}': {e.Message}", e);
        }
    }

    private static void CheckVersions(Assembly assembly, string path)
    {
        foreach (var reference in assembly.GetReferencedAssemblies().Where(r => IsOfTheHost(r.Name)))
        {
            Version? here;
            try
            {
                here = Assembly.Load(new AssemblyName(reference.Name!)).GetName().Version;
            }
            catch (FileNotFoundException)
            {
                throw new InvalidDataException($"--with is '{path}': it needs {reference.Name}, which this cresset does not have.");
            }
            if (here is not null && reference.Version is { } built && (built.Major, built.Minor) != (here.Major, here.Minor))
                throw new InvalidDataException(
                $"--with is '{path}': it was built against {reference.Name} {built.ToString(3)}, this is {here.ToString(3)}. Rebuild it "
                    + $"against the version of the command.");
        }
    }

    private static bool IsOfTheHost(string? name) => name is not null && OfTheHost.Any(p => name.StartsWith(p, StringComparison.Ordinal));

    private sealed class Context(string path) : AssemblyLoadContext(Path.GetFileNameWithoutExtension(path))
    {
        private readonly AssemblyDependencyResolver _resolver = new(path);

        protected override Assembly? Load(AssemblyName assemblyName)
        {
            // Null means: the one of the command, if it has it.
            if (IsOfTheHost(assemblyName.Name) || HostHas(assemblyName)) return null;
            return _resolver.ResolveAssemblyToPath(assemblyName) is { } file ? LoadFromAssemblyPath(file) : null;
        }

        protected override nint LoadUnmanagedDll(string unmanagedDllName)
            => _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } file ? LoadUnmanagedDllFromPath(file) : nint.Zero;

        private static bool HostHas(AssemblyName wanted)
        {
            try
            {
                var here = Default.LoadFromAssemblyName(new AssemblyName(wanted.Name!)).GetName().Version;
                return wanted.Version is null || here >= wanted.Version;
            }
            catch (FileNotFoundException)
            {
                return false;
            }
        }
    }
}
