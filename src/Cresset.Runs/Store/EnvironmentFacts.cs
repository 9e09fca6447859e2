using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Cresset.Runs;

/// <summary>Facts about the machine and the program that are kept with every run.</summary>
internal static class EnvironmentFacts
{
    /// <summary>Operating system, processor count, runtime, program and command line of this process, by name.</summary>
    public static IReadOnlyDictionary<string, string> Collect()
    {
        var version = typeof(EnvironmentFacts).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
            ?? "";
        return new Dictionary<string, string>
        {
            ["cresset"] = version,
            ["host"] = Environment.MachineName,
            ["os"] = RuntimeInformation.OSDescription,
            ["architecture"] = RuntimeInformation.ProcessArchitecture.ToString(),
            ["runtime"] = RuntimeInformation.FrameworkDescription,
            ["processors"] = Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture),
            ["memory_mb"] = (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20).ToString(CultureInfo.InvariantCulture),
            ["command"] = string.Join(' ', Environment.GetCommandLineArgs()),
            ["directory"] = Environment.CurrentDirectory,
        };
    }
}
