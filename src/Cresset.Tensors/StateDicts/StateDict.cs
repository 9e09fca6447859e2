using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// Moves weights between modules and files. Replaces TorchSharp's <c>load_state_dict</c>, which broadcasts sources of
/// other shapes and names no key in its errors.
/// </summary>
public static class StateDict
{
    /// <summary>The module's parameters and buffers by key (no copies; dispose nothing).</summary>
    public static Dictionary<string, Tensor> Of(nn.Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        return module.state_dict();
    }

    /// <summary>Writes a module to one safetensors file.</summary>
    public static void Save(nn.Module module, string path, IReadOnlyDictionary<string, string>? metadata = null)
        => SafetensorsWriter.Write(path, Of(module), metadata);

    /// <summary>Reads a module from a safetensors file or an <c>*.index.json</c>.</summary>
    /// <inheritdoc cref="Load(nn.Module, ITensorSource, bool, KeyMap?)"/>
    public static LoadReport Load(nn.Module module, string path, bool strict = true, KeyMap? keys = null)
    {
        using ITensorSource source = path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? SafetensorsShards.Open(path) : SafetensorsFile.Open(path);
        return Load(module, source, strict, keys);
    }

    /// <summary>
    /// Copies every tensor of the source whose renamed key and shape the module has, converting element type and device.
    /// All keys are compared before the first value is copied, so that a refused checkpoint changes nothing.
    /// </summary>
    /// <exception cref="CheckpointException">Shapes differ, two keys map to one, or (strict) keys are missing or unexpected.</exception>
    public static LoadReport Load(nn.Module module, ITensorSource source, bool strict = true, KeyMap? keys = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        var target = Of(module);
        var from = RenamedKeys(source.Path, source.Entries.Keys, keys);
        var report = Compare(target, from.ToDictionary(pair => pair.Key, pair => source.Entries[pair.Value].Shape));
        Refuse(source.Path, report, strict);
        using var noGrad = no_grad();
        foreach (var key in report.Loaded)
        {
            using var scope = NewDisposeScope();
            target[key].copy_(source.Map(from[key]));
        }
        return report;
    }

    /// <summary>Copies tensors in memory into a module, with the same checks.</summary>
    /// <exception cref="CheckpointException">As for files.</exception>
    public static LoadReport Load(nn.Module module, IReadOnlyDictionary<string, Tensor> source, bool strict = true, KeyMap? keys = null)
        => Load(module, source, "The state", strict, keys);

    /// <summary>Copies tensors in memory into a module, with the same checks; <paramref name="origin"/> names them in messages.</summary>
    internal static LoadReport Load(nn.Module module, IReadOnlyDictionary<string, Tensor> source, string origin, bool strict = true, KeyMap? keys = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        var target = Of(module);
        var from = RenamedKeys(origin, source.Keys, keys);
        var report = Compare(target, from.ToDictionary(pair => pair.Key, pair => (IReadOnlyList<long>)source[pair.Value].shape));
        Refuse(origin, report, strict);
        using var noGrad = no_grad();
        foreach (var key in report.Loaded) target[key].copy_(source[from[key]]);
        return report;
    }

    private static Dictionary<string, string> RenamedKeys(string path, IEnumerable<string> names, KeyMap? keys)
    {
        var result = new Dictionary<string, string>();
        foreach (var name in names)
        {
            if ((keys ?? KeyMap.Identity).Apply(name) is not { } key) continue;
            if (!result.TryAdd(key, name)) throw new CheckpointException($"{path}: '{name}' and '{result[key]}' both become '{key}' under the key map.");
        }
        return result;
    }

    private static LoadReport Compare(Dictionary<string, Tensor> target, Dictionary<string, IReadOnlyList<long>> source)
    {
        List<string> loaded = [], missing = [], misShaped = [];
        foreach (var (key, tensor) in target)
        {
            if (!source.TryGetValue(key, out var shape)) missing.Add(key);
            else if (!shape.SequenceEqual(tensor.shape)) misShaped.Add($"{key}: checkpoint [{string.Join(", ", shape)}], module {Shape.Text(tensor)}");
            else loaded.Add(key);
        }
        return new LoadReport(loaded, missing, source.Keys.Where(key => !target.ContainsKey(key)).ToList(), misShaped);
    }

    private static void Refuse(string path, LoadReport report, bool strict)
    {
        if (report.MisShaped.Count > 0 || (strict && !report.IsExact))
        {
            var hint = report.Loaded.Count == 0 ? "No key matches: this is the checkpoint of another model, or its keys need a prefix stripped." : "";
            throw new CheckpointException(path, report, hint);
        }
    }
}
