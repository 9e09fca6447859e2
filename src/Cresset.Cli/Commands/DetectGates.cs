using System.Globalization;
using Cresset.Detection;

namespace Cresset.Cli.Commands;

/// <summary>Lower limits that a score has to reach, for continuous integration.</summary>
internal sealed class DetectGates
{
    private readonly List<(string Name, double Minimum)> _gates = [];

    /// <exception cref="ArgumentException">A gate is not NAME=VALUE with a value in [0, 1].</exception>
    public static DetectGates Parse(IEnumerable<string> texts)
    {
        var gates = new DetectGates();
        foreach (var text in texts)
        {
            var at = text.LastIndexOf('=');
            if (at < 1 || !double.TryParse(text.AsSpan(at + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || value is not (>= 0 and <= 1))
            {
                throw new ArgumentException($"--min is '{text}'; needed is NAME=VALUE with a value in [0, 1], such as AP=0.5 or AP/person=0.7.");
            }
            gates._gates.Add((text[..at], value));
        }
        return gates;
    }

    /// <summary>Says on the error stream which gates are missed and gives the exit code. A value that is not defined misses its gate.</summary>
    /// <exception cref="ArgumentException">The protocol has no such statistic or class.</exception>
    public int Judge(ProtocolResult result)
    {
        var code = ExitCode.Success;
        // All names are looked up first, so that a typing mistake is not hidden behind a missed gate.
        foreach (var (name, minimum, value) in _gates.Select(g => (g.Name, g.Minimum, ValueOf(result, g.Name))).ToArray())
        {
            if (value >= minimum) continue;
            var shown = value >= 0 ? value.ToString("0.000000", CultureInfo.InvariantCulture) : "not defined";
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"cresset: gate missed: {name} is {shown}, at least {minimum} is needed."));
            code = ExitCode.MissedGate;
        }
        return code;
    }

    private static double ValueOf(ProtocolResult result, string name)
    {
        if (result.Statistics.Any(s => s.Name == name)) return result[name];
        if (name.StartsWith("AP/", StringComparison.Ordinal))
        {
            var wanted = name[3..];
            var found = result.Classes.Where(c => c.Name == wanted).ToArray();
            if (found.Length == 1) return found[0].MeanAp;
            throw new ArgumentException($"--min names the class '{wanted}'; {(found.Length == 0 ? "there is none of that name" : "several have that name")}.");
        }
        throw new ArgumentException($"--min names '{name}'; this protocol has {string.Join(", ", result.Statistics.Select(s => s.Name))}, and AP/CLASS.");
    }
}
