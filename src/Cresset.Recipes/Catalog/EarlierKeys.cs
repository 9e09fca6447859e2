using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>
/// Recipes of version 0.1 gave the optimizer by name with five options beside it, whichever it took, and a schedule by name with its last
/// share.
/// They are read as the parts that they meant.
/// </summary>
internal static class EarlierKeys
{
    private const string Section = "optimization";
    private const string Optimizer = "optimizer";
    private const string Schedule = "schedule";
    private const string FinalShare = "final_share";
    private static readonly string[] OfOptimizer = ["learning_rate", "weight_decay", "beta1", "beta2", "momentum"];

    /// <summary>True for a key of the section "optimization" that only earlier recipes have.</summary>
    public static bool Contains(string section, string key) =>
        section.Split('.')[^1].EndsWith(Section, StringComparison.Ordinal) && (OfOptimizer.Contains(key) || key == FinalShare);

    /// <summary>Rewrites the sections of optimization in place.</summary>
    public static void Rewrite(ConfigMap recipe, IJob job, PartCatalog parts)
    {
        foreach (var section in job.Sections.Where(s => s.Name.EndsWith(Section, StringComparison.Ordinal)))
        {
            if (recipe[section.Name] is ConfigMap map && map.Items.Any(i => Contains(section.Name, i.Key)))
                Rewrite(map, section.Defaults, parts);
        }
    }

    private static void Rewrite(ConfigMap map, IOptionsRecord defaults, PartCatalog parts)
    {
        // What a run stored has every key, those that its optimizer does not take among them; they meant nothing.
        var stored = OfOptimizer.All(k => map[k] is not null);
        var optimizer = Long(map, Optimizer);
        var keys = OptionNames.Keys(Chosen(optimizer, Optimizer, defaults, parts)?.GetType() ?? typeof(object));
        foreach (var key in OfOptimizer)
        {
            if (map[key] is not { } value || (!keys.ContainsKey(key) && !stored)) continue;
            if (keys.ContainsKey(key)) optimizer.Set(key, value);
            map.Remove(key);
        }
        map.Set(Optimizer, optimizer);
        // Only recipes of that version write the schedule's name beside these keys; theirs left momentum alone.
        var onlyNamed = map[Schedule] is ConfigText;
        if (map[FinalShare] is null && !onlyNamed) return;
        var schedule = Long(map, Schedule);
        var chosen = Chosen(schedule, Schedule, defaults, parts);
        if (map[FinalShare] is { } share)
        {
            if (chosen is not null && OptionNames.Keys(chosen.GetType()).ContainsKey("end_factor")) schedule.Set("end_factor", share);
            map.Remove(FinalShare);
        }
        if (onlyNamed && PartCatalog.NameOf(chosen?.GetType() ?? typeof(object)) == "one-cycle")
            schedule.Set("cycle_momentum", new ConfigText(map.Source, "false", true));
        map.Set(Schedule, schedule);
    }

    private static ConfigMap Long(ConfigMap map, string key)
    {
        if (map[key] is ConfigMap already) return already;
        var part = new ConfigMap(map[key]?.Source ?? map.Source);
        if (map[key] is ConfigText { IsNull: false } name) part.Set(ConfigMap.Kind, name);
        return part;
    }

    private static object? Chosen(ConfigMap part, string kind, IOptionsRecord defaults, PartCatalog parts)
        => part[ConfigMap.Kind] is ConfigText name
            ? parts.Find(kind, name.Value)?.Create()
            : OptionNames.Keys(defaults.GetType()).TryGetValue(kind, out var property) ? property.GetValue(defaults) : null;
}
