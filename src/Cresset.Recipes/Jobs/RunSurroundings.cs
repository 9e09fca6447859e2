using System.Globalization;
using System.Reflection;
using Cresset.Rl.Deep;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;

namespace Cresset.Recipes;

/// <summary>
/// What beside seed and settings decides the last bits of a result: libtorch, threads, processor, device, the job's code.
/// </summary>
internal static class RunSurroundings
{
    /// <summary>Facts of this process for a recipe.</summary>
    public static Dictionary<string, string> Of(ResolvedRecipe recipe)
    {
        var assembly = recipe.Job.GetType().Assembly;
        var facts = new Dictionary<string, string>
        {
            ["processor"] = Processor(),
            ["code"] =
                $"{assembly.GetName().Name} {assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion} "
                    + $"{assembly.ManifestModule.ModuleVersionId:N}",
        };
        var settings = recipe.Flatten();
        // Tables and the processor's own networks give the same bits whatever libtorch is there, and do not load it.
        if (!ComputesInLibtorch(recipe, settings)) return facts;
        string? Setting(string key) => settings.FirstOrDefault(s => s.Key.EndsWith("." + key, StringComparison.Ordinal)).Value;
        facts["libtorch"] = torch.__version__;
        facts["threads"] = Setting("threads") is { } given && given != "0" ? given
            : torch.get_num_threads().ToString(CultureInfo.InvariantCulture);
        facts["device"] = ComputeDevice.Resolve(Setting("device") ?? "cpu").ToString();
        return facts;
    }

    private static bool ComputesInLibtorch(ResolvedRecipe recipe, IReadOnlyDictionary<string, string> settings)
        => recipe.Options.Values.OfType<TrainerOptions>().Any() || recipe.Job is Job { ComputesInLibtorch: true }
            || (settings.TryGetValue("agent.encoder", out var encoder) && encoder != "mlp")
            || settings.GetValueOrDefault("agent.values") == "implicit"
            || settings.GetValueOrDefault("agent.device")?.StartsWith("cuda", StringComparison.Ordinal) == true
            || recipe.Options.Values.Any(o => o is DqnOptions dqn && !dqn.Backend.IsNative(dqn.Hidden)
                || o is PqnOptions pqn && !pqn.Backend.IsNative(pqn.Hidden));

    /// <summary>Those facts and, for every setting that was changed on the way, what the recipe itself says (<c>recipe:KEY</c>).</summary>
    public static Dictionary<string, string> AtBeginning(ResolvedRecipe recipe)
    {
        var facts = Of(recipe);
        foreach (var (key, value) in recipe.Replaced) facts["recipe:" + key] = value;
        return facts;
    }

    /// <summary>A sentence on what differs from when the run began, null when nothing does.</summary>
    public static string? Difference(IReadOnlyDictionary<string, string> recorded, IReadOnlyDictionary<string, string> now)
    {
        var different = now.Where(fact => recorded.TryGetValue(fact.Key, out var before) && before != fact.Value)
            .Select(fact => fact.Key == "code" ? "the job's code" : $"{fact.Key} (was {recorded[fact.Key]}, now {fact.Value})").ToList();
        return different.Count == 0 ? null
            : $"Not as when the run began: {string.Join(", ", different)}. It goes on, but its last bits may differ from those of a run "
                + $"that was never stopped.";
    }

    private static string Processor()
    {
        try
        {
            if (!OperatingSystem.IsLinux()) return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "";
            var line = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal));
            return line is null ? "" : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
        }
        catch (IOException)
        {
            return "";
        }
    }
}
