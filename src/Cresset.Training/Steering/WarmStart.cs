using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>Weights from elsewhere before training begins, and parts that do not learn.</summary>
public static class WarmStart
{
    /// <summary>Loads weights from a model file or a checkpoint (its averaged weights where it has them).</summary>
    /// <param name="module">What is to begin with them.</param>
    /// <param name="path">A safetensors file.</param>
    /// <param name="only">Beginnings of keys to take, whole dot-separated words each; empty takes everything.</param>
    /// <returns>How many tensors were taken, how many the module has, and which were converted to the module's element type.</returns>
    /// <exception cref="InvalidDataException">The file lacks one of them.</exception>
    /// <exception cref="CheckpointException">A tensor has another shape, or a value that the module's type does not hold. Nothing was
    /// changed.</exception>
    public static (int Taken, int All, IReadOnlyList<string> Converted) Load(nn.Module module, string path, IReadOnlyList<string> only)
    {
        ArgumentNullException.ThrowIfNull(module);
        using var source = SafetensorsFile.Open(path);
        var all = StateDict.Of(module).Keys.ToList();
        var wanted = Chosen(all, only, "trainer.init_keys").ToHashSet();
        // A checkpoint holds more than the model; of averages it has those of parameters alone.
        var prefix = source.Entries.Keys.Any(k => k.StartsWith("model/", StringComparison.Ordinal)) ? "model/" : "";
        var missing = wanted.Where(key => !source.Entries.ContainsKey(prefix + key)).ToList();
        if (missing.Count > 0)
        {
            var fitting = wanted.Except(missing).Select(key => key.Split('.')[0]).Distinct().ToList();
            throw new InvalidDataException(
                $"{path} lacks {missing.Count} of {wanted.Count} tensors, '{missing[0]}' among them; it is of another model. "
                + (fitting.Count > 0 ? $"To take what fits: trainer.init_keys=[{string.Join(", ", fitting)}]." : "Nothing in it fits."));
        }
        const string Average = "average/";
        var averaged = source.Entries.Keys.Where(k => prefix.Length > 0 && k.StartsWith(Average, StringComparison.Ordinal))
            .Select(k => k[Average.Length..]).ToHashSet(StringComparer.Ordinal);
        var report = StateDict.Load(module, source, strict: false, keys: KeyMap.Identity.Then(Own));
        return (wanted.Count, all.Count, report.Converted);

        string? Own(string key)
        {
            var isAverage = prefix.Length > 0 && key.StartsWith(Average, StringComparison.Ordinal);
            if (!isAverage && !key.StartsWith(prefix, StringComparison.Ordinal)) return null;
            var own = key[(isAverage ? Average : prefix).Length..];
            return wanted.Contains(own) && (isAverage || !averaged.Contains(own)) ? own : null;
        }
    }

    /// <summary>Lets the parameters below these names keep their values; statistics such as those of batch normalisation go on.</summary>
    /// <exception cref="ArgumentException">A name is not a parameter's, or nothing would be left to learn.</exception>
    public static void Freeze(nn.Module module, IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(names);
        if (names.Count == 0) return;
        var parameters = module.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var frozen = Chosen([.. parameters.Keys], names, "trainer.freeze");
        foreach (var name in frozen) parameters[name].requires_grad_(false);
        if (parameters.Values.All(p => !p.requires_grad))
            throw new ArgumentException($"trainer.freeze is [{string.Join(", ", names)}]: nothing would be left to learn.");
    }

    private static List<string> Chosen(List<string> keys, IReadOnlyList<string> beginnings, string option)
    {
        if (beginnings.Count == 0) return keys;
        foreach (var beginning in beginnings)
        {
            if (keys.Exists(key => Begins(key, beginning))) continue;
            var parts = keys.Select(key => key.Split('.')[0]).Distinct().ToList();
            throw new ArgumentException(
                $"{option}: the model has nothing called '{beginning}'.{NearestName.Suggest(beginning, parts.Concat(keys))} It has: "
                    + $"{string.Join(", ", parts.Take(20))}.");
        }
        return keys.FindAll(key => beginnings.Any(beginning => Begins(key, beginning)));
    }

    private static bool Begins(string key, string beginning) =>
        key == beginning || key.StartsWith(beginning.TrimEnd('.') + ".", StringComparison.Ordinal);
}
