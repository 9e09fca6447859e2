using System.Globalization;

namespace Cresset.Benchmarks.Diffusion;

/// <summary>Resident memory of this process in bytes: pages of files (mapped weights, code) and pages of its own. Linux.</summary>
internal readonly record struct ResidentMemory(long Files, long Own)
{
    public long Total => Files + Own;

    public static ResidentMemory Now() => new(Line("RssFile:") + Line("RssShmem:"), Line("RssAnon:"));

    /// <summary>The largest total so far.</summary>
    public static long Peak() => Line("VmHWM:");

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"resident {Total / 1e9:0.000} GB (files {Files / 1e9:0.000}, own {Own / 1e9:0.000})");

    private static long Line(string name)
    {
        var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
