using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// Moves weights between modules and files. Replaces TorchSharp's <c>load_state_dict</c>, which broadcasts sources of other shapes and
/// names no key in its errors.
/// </summary>
public static class StateDict
{
    /// <summary>The module's parameters and buffers by key (no copies; dispose nothing).</summary>
    public static Dictionary<string, Tensor> Of(nn.Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        return module.state_dict();
    }

    /// <summary>
    /// Writes a module to one safetensors file. Tied weights are written once; the metadata names their other keys, as the Hugging Face
    /// libraries do, and says <c>format: pt</c>, without which they refuse a file.
    /// </summary>
    public static void Save(nn.Module module, string path, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var tensors = Of(module);
        var texts = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>());
        texts.TryAdd("format", "pt");
        foreach (var (alias, name) in TiedWeights.Of(tensors))
        {
            if (texts.ContainsKey(alias)) continue;
            texts.Add(alias, name);
            tensors.Remove(alias);
        }
        SafetensorsWriter.Write(path, tensors, texts);
    }

    /// <summary>
    /// Reads a module from a file: safetensors, an <c>*.index.json</c> of shards, a PyTorch checkpoint (<c>.pt</c>, <c>.pth</c>,
    /// <c>.bin</c>, <c>.ckpt</c>) or TorchSharp's <c>.dat</c>.
    /// </summary>
    /// <param name="module">What gets the values.</param>
    /// <param name="path">The file; its content decides the format.</param>
    /// <param name="strict">Refuse missing and unexpected keys.</param>
    /// <param name="keys">Renames the file's keys.</param>
    /// <param name="section">Which state dict of a PyTorch checkpoint that holds several, such as "ema"; null takes the only one.</param>
    /// <inheritdoc cref="Load(nn.Module, ITensorSource, bool, KeyMap?)"/>
    public static LoadReport Load(nn.Module module, string path, bool strict = true, KeyMap? keys = null, string? section = null)
    {
        using var source = TensorFile.Open(path, section);
        return Load(module, source, strict, keys);
    }

    /// <summary>
    /// Copies every tensor of the source whose renamed key and shape the module has, converting element type and device.
    /// All keys are compared before the first value is copied, so that a refused checkpoint changes nothing. A key that is missing from the
    /// file is not missing where the module ties it to one that is there, or the file says that it is an alias. A layer of Cresset's that
    /// was made without memory (device meta) gets the tensor of the file as its weight. A narrower type rounds values
    /// (<see cref="LoadReport.Converted"/> says where), and is refused where it would make one infinite or cut it.
    /// </summary>
    /// <exception cref="CheckpointException">Shapes differ, two keys map to one, (strict) keys are missing or unexpected, the file has
    /// different values for weights that the module ties, a value that the module's type does not hold, or a weight of another layer has no
    /// memory.</exception>
    public static LoadReport Load(nn.Module module, ITensorSource source, bool strict = true, KeyMap? keys = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        var target = Of(module);
        var from = RenamedKeys(source.Path, source.Entries.Keys, keys);
        foreach (var (alias, name) in source.Aliases)
        {
            if ((keys ?? KeyMap.Identity).Apply(alias) is { } key && target.ContainsKey(key)) from.TryAdd(key, name);
        }
        var tied = TiedWeights.Of(target);
        var report = Compare(target, from.ToDictionary(pair => pair.Key, pair => source.Entries[pair.Value].Shape),
            tied) with
        { Source = Place(source) };
        Refuse(report.Source, report, strict);
        foreach (var key in report.Loaded)
        {
            if (source.Entries[from[key]] is { Dtype: SafetensorsDtype.Unknown } entry)
                throw new CheckpointException(
                    $"{source.Path}: '{entry.Name}' has the element type {entry.TypeName}, which is not read; nothing was copied.");
        }
        TiedWeights.RefuseConflicts(source, from, tied, report.Loaded);
        var places = Places(module, target, report.Loaded, report.Source);
        using var noGrad = no_grad();
        report = report with
        {
            Converted = Conversions(report.Source, report.Loaded, target, key => source.Entries[from[key]].Dtype.Scalar(),
                key => source.Entries[from[key]].TypeName, key => source.Map(from[key])),
        };
        foreach (var key in report.Loaded)
        {
            using var scope = NewDisposeScope();
            if (!places.TryGetValue(key, out var place)) target[key].copy_(source.Map(from[key]));
            else Give(place, target[key], source.Map(from[key]));
        }
        return report;
    }

    /// <summary>Copies tensors in memory into a module, with the same checks.</summary>
    /// <exception cref="CheckpointException">As for files.</exception>
    public static LoadReport Load(nn.Module module, IReadOnlyDictionary<string, Tensor> source, bool strict = true, KeyMap? keys = null)
        => Load(module, source, "The state", strict, keys);

    /// <summary>Copies tensors in memory into a module, with the same checks; <paramref name="origin"/> names them in messages.</summary>
    internal static LoadReport Load(nn.Module module, IReadOnlyDictionary<string, Tensor> source, string origin, bool strict = true,
        KeyMap? keys = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        var target = Of(module);
        var from = RenamedKeys(origin, source.Keys, keys);
        var report = Compare(target, from.ToDictionary(pair => pair.Key, pair => (IReadOnlyList<long>)source[pair.Value].shape),
            TiedWeights.Of(target));
        Refuse(origin, report, strict);
        var places = Places(module, target, report.Loaded, origin);
        using var noGrad = no_grad();
        report = report with
        {
            Converted = Conversions(origin, report.Loaded, target, key => source[from[key]].dtype, key => $"{source[from[key]].dtype}",
                key => source[from[key]].alias()),
        };
        using var scope = NewDisposeScope();
        var values = report.Loaded.ToDictionary(key => key, key => source[from[key]]);
        var own = new OwnMemory(target.Values);
        foreach (var key in report.Loaded)
        {
            // The module's own memory (weights that change places, a transposed view) would change under the copies.
            if (own.Holds(values[key])) values[key] = values[key].clone();
        }
        foreach (var key in report.Loaded)
        {
            if (!places.TryGetValue(key, out var place)) target[key].copy_(values[key]);
            else Give(place, target[key], values[key]);
        }
        return report;
    }

    /// <summary>
    /// Changes the element type of a module's floating-point weights, as <c>module.to(type)</c> does, unless a value would be lost.
    /// </summary>
    /// <exception cref="NotSupportedException">A finite value lies beyond the type; it is named, and nothing is changed.</exception>
    public static void Convert(nn.Module module, ScalarType type)
    {
        foreach (var (key, tensor) in Of(module))
        {
            if (!tensor.is_floating_point() || TensorCasts.Loss(tensor, type) is not { } loss) continue;
            throw new NotSupportedException($"'{key}' {loss}. Nothing was converted.");
        }
        module.to(type);
    }

    // Looked at before the first copy: 70,000 becomes infinite in a half, 300 becomes 44 in a byte, and nobody would see it.
    private static List<string> Conversions(string origin, IEnumerable<string> loaded, Dictionary<string, Tensor> target,
        Func<string, ScalarType> type, Func<string, string> name, Func<string, Tensor> read)
    {
        List<string> converted = [], lost = [];
        foreach (var key in loaded)
        {
            var wanted = target[key].dtype;
            if (type(key) == wanted) continue;
            converted.Add($"{key}: {name(key)} to {wanted}");
            if (TensorCasts.KeepsAll(type(key), wanted)) continue;
            using var scope = NewDisposeScope();
            if (TensorCasts.Loss(read(key), wanted) is { } loss) lost.Add($"'{key}' {loss}");
        }
        return lost.Count == 0 ? converted
            : throw new CheckpointException(
                $"{origin} does not fit the module's element types: {string.Join("; ", lost.Take(5))}"
                    + $"{(lost.Count > 5 ? $"; and {lost.Count - 5} more tensors" : "")}. Nothing was copied. Make the module of a type "
                    + $"that holds them (module.to(...)) before it is loaded.");
    }

    // A copy into a tensor without memory would be lost without a word.
    private static Dictionary<string, (IPlacesWeights Owner, string Name)> Places(nn.Module module, Dictionary<string, Tensor> target,
        IEnumerable<string> loaded, string origin)
    {
        var places = new Dictionary<string, (IPlacesWeights, string)>();
        string[] without = [.. loaded.Where(key => target[key].device_type == DeviceType.META)];
        if (without.Length == 0) return places;
        var owners = module.named_modules().Append(("", module)).ToDictionary(m => m.Item1, m => m.Item2);
        foreach (var key in without)
        {
            var dot = key.LastIndexOf('.');
            if (owners.GetValueOrDefault(key[..Math.Max(0, dot)]) is not IPlacesWeights owner)
                throw new CheckpointException(
                    $"{origin}: the module's '{key}' has no memory (device meta), so there is nothing to copy into; make the module on the "
                        + $"device where it is to run. Nothing was copied.");
            places.Add(key, (owner, key[(dot + 1)..]));
        }
        return places;
    }

    private static void Give((IPlacesWeights Owner, string Name) place, Tensor before, Tensor value)
    {
        var own = value.to(before.dtype, copy: true).DetachFromDisposeScope();
        place.Owner.Assign(place.Name, before.requires_grad ? new TorchSharp.Modules.Parameter(own, requires_grad: true) : own);
    }

    private static Dictionary<string, string> RenamedKeys(string path, IEnumerable<string> names, KeyMap? keys)
    {
        var result = new Dictionary<string, string>();
        foreach (var name in names)
        {
            if ((keys ?? KeyMap.Identity).Apply(name) is not { } key) continue;
            if (!result.TryAdd(key, name))
                throw new CheckpointException($"{path}: '{name}' and '{result[key]}' both become '{key}' under the key map.");
        }
        return result;
    }

    private static LoadReport Compare(Dictionary<string, Tensor> target, Dictionary<string, IReadOnlyList<long>> source,
        IReadOnlyDictionary<string, string> tied) => Compare(target.ToDictionary(t => t.Key, t => t.Value.shape), source, tied);

    /// <summary>What the shapes of a module and those of a source have in common; every way to load compares here.</summary>
    internal static LoadReport Compare(IReadOnlyDictionary<string, long[]> target, IReadOnlyDictionary<string, IReadOnlyList<long>> source,
        IReadOnlyDictionary<string, string> tied)
    {
        List<string> loaded = [], missing = [], misShaped = [];
        foreach (var (key, own) in target)
        {
            if (!source.TryGetValue(key, out var shape))
            {
                if (!Covered(key)) missing.Add(key);
            }
            else if (!shape.SequenceEqual(own))
                misShaped.Add($"{key}: checkpoint [{string.Join(", ", shape)}], module {Shape.Text(own)}");
            else loaded.Add(key);
        }
        return new LoadReport(loaded, missing, source.Keys.Where(key => !target.ContainsKey(key)).ToList(), misShaped);

        // One of the keys of the same weight is enough.
        bool Covered(string key)
        {
            var first = tied.GetValueOrDefault(key, key);
            return source.ContainsKey(first) || tied.Any(pair => pair.Value == first && source.ContainsKey(pair.Key));
        }
    }

    private static string Place(ITensorSource source) =>
        source is PyTorchFile { Section: { Length: > 0 } section } ? $"{source.Path} ('{section}')" : source.Path;

    private static void Refuse(string path, LoadReport report, bool strict)
    {
        if (report.MisShaped.Count > 0 || (strict && !report.IsExact))
        {
            var hint = report.Loaded.Count == 0
                ? "No key matches: this is the checkpoint of another model, or its keys need a prefix stripped." : "";
            throw new CheckpointException(path, report, hint);
        }
    }
}
