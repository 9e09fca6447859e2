using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// A LoRA for the transformer and the text encoders: read from files with PEFT's, diffusers' or kohya's names, merged into the
/// networks and taken out again, saved.
/// </summary>
public sealed class LoraAdapter : IDisposable
{
    private const string FolderFile = "pytorch_lora_weights.safetensors";

    private readonly Dictionary<nn.Module, List<(Projection Layer, Tensor Before)>> _merged = [];

    /// <summary>Makes an adapter from its pairs, which it owns.</summary>
    public LoraAdapter(string name, IReadOnlyList<LoraPair> pairs)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        (Name, Pairs) = (name, pairs);
    }

    /// <summary>Where it came from, for messages.</summary>
    public string Name { get; }

    /// <summary>The changes.</summary>
    public IReadOnlyList<LoraPair> Pairs { get; }

    /// <summary>Reads an adapter from a file, or from the folder in which diffusers saved it (pytorch_lora_weights.safetensors).</summary>
    /// <exception cref="InvalidDataException">The file holds no LoRA of this kind of network, or half of a pair.</exception>
    public static LoraAdapter Load(string path)
    {
        using var file = SafetensorsFile.Open(InFolder(path));
        return new LoraAdapter(path, LoraKeys.Read(file));
    }

    /// <summary>The networks that it changes.</summary>
    public IReadOnlyList<LoraPart> Parts => [.. Pairs.Select(p => p.Part).Distinct().Order()];

    /// <summary>True for a safetensors file that looks like a LoRA, judged by its keys; nothing is read but the header.</summary>
    public static bool IsLora(string path)
    {
        if (Directory.Exists(path)) path = Path.Combine(path, FolderFile);
        if (!File.Exists(path) || !path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)) return false;
        using var file = SafetensorsFile.Open(path);
        return CheckpointKind.Of(file) == CheckpointKind.Lora;
    }

    /// <summary>Adds scale * alpha / rank * B A to the weights of every network that it changes. All targets and shapes are checked first.</summary>
    /// <param name="model">The pipeline.</param>
    /// <param name="scales">Strengths; null is 1 everywhere.</param>
    /// <exception cref="CheckpointException">A text encoder is absent, or a target or shape does not fit: this LoRA belongs to another model; nothing was changed.</exception>
    public void Merge(StableDiffusion3 model, LoraScales? scales = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        scales ??= new LoraScales();
        var networks = new Dictionary<LoraPart, nn.Module>();
        foreach (var part in Parts.Where(p => scales.Of(p) != 0))
        {
            networks[part] = Network(model, part) ?? throw new CheckpointException($"{Name} changes {LoraPartNames.Words(part)}, which this model was loaded without: load it too, or leave that part out by scale 0 (--lora-skip {LoraPartNames.Option(part)}).");
        }
        Merge(networks, scales);
    }

    /// <summary>As above for the transformer alone; changes of text encoders are left out.</summary>
    public void Merge(MmDit model, double scale = 1)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (!Parts.Contains(LoraPart.Transformer)) throw new CheckpointException($"{Name} changes no layer of the transformer, only {string.Join(", ", Parts.Select(LoraPartNames.Words))}: merge it into the whole pipeline.");
        Merge(new Dictionary<LoraPart, nn.Module> { [LoraPart.Transformer] = model }, new LoraScales(scale));
    }

    /// <summary>Puts the networks' own weights back, bit for bit. Adapters merged later must be taken out first.</summary>
    public void Unmerge(StableDiffusion3 model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var merged = Enum.GetValues<LoraPart>().Select(p => Network(model, p)).Where(n => n is not null && _merged.ContainsKey(n)).ToList();
        if (merged.Count == 0) throw new InvalidOperationException($"{Name} is not merged into this model.");
        foreach (var network in merged) TakeOut(network!);
    }

    /// <summary>As above for the transformer alone.</summary>
    public void Unmerge(MmDit model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (!_merged.ContainsKey(model)) throw new InvalidOperationException($"{Name} is not merged into this network.");
        TakeOut(model);
    }

    /// <summary>
    /// Saves the adapter as diffusers writes it: <c>transformer.….lora_A.weight</c>, <c>text_encoder.….lora_linear_layer.down.weight</c>,
    /// alpha in the header. diffusers itself does not read changes of T5 (<c>text_encoder_3</c>).
    /// </summary>
    public void Save(string path)
    {
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var pair in Pairs)
        {
            var stem = $"{LoraPartNames.Diffusers(pair.Part)}.{pair.Target}";
            // diffusers finds out the family of text encoders' names from these alone where a file changes no attention.
            var (down, up) = pair.Part == LoraPart.Transformer ? ("lora_A", "lora_B") : ("lora_linear_layer.down", "lora_linear_layer.up");
            tensors[$"{stem}.{down}.weight"] = pair.Down.detach().cpu();
            tensors[$"{stem}.{up}.weight"] = pair.Up.detach().cpu();
        }
        var header = new Dictionary<string, string> { ["format"] = "pt" };
        if (LoraHeader.Text(Pairs) is { } settings) header[LoraHeader.Key] = settings;
        SafetensorsWriter.Write(path, tensors, header);
    }

    /// <summary>Saves the adapter with kohya's names (<c>lora_transformer_….lora_down.weight</c>, <c>lora_te1_….lora_down.weight</c>).</summary>
    public void SaveKohya(string path)
    {
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var pair in Pairs)
        {
            var stem = LoraPartNames.Kohya(pair.Part) + pair.Target.Replace('.', '_');
            tensors[$"{stem}.lora_down.weight"] = pair.Down.detach().cpu();
            tensors[$"{stem}.lora_up.weight"] = pair.Up.detach().cpu();
            tensors[$"{stem}.alpha"] = tensor((float)pair.Alpha);
        }
        SafetensorsWriter.Write(path, tensors);
    }

    /// <summary>Frees the pairs; a network that it is merged into keeps its merged weights.</summary>
    public void Dispose()
    {
        foreach (var pair in Pairs)
        {
            pair.Down.Dispose();
            pair.Up.Dispose();
        }
        foreach (var (_, old) in _merged.Values.SelectMany(m => m)) old.Dispose();
        _merged.Clear();
    }

    private static string InFolder(string path)
    {
        if (!Directory.Exists(path)) return path;
        var file = Path.Combine(path, FolderFile);
        return File.Exists(file) ? file : throw new FileNotFoundException($"{path} is a folder without a {FolderFile}: name the LoRA's file.", path);
    }

    private static nn.Module? Network(StableDiffusion3 model, LoraPart part) => part switch
    {
        LoraPart.Transformer => model.Transformer,
        LoraPart.ClipL => model.Text.ClipL,
        LoraPart.ClipG => model.Text.ClipG,
        _ => model.Text.T5,
    };

    private void Merge(Dictionary<LoraPart, nn.Module> networks, LoraScales scales)
    {
        foreach (var part in networks.Keys)
        {
            if (!double.IsFinite(scales.Of(part))) throw new ArgumentOutOfRangeException(nameof(scales), scales.Of(part), $"The strength for {LoraPartNames.Words(part)} must be a finite number.");
            if (_merged.ContainsKey(networks[part])) throw new InvalidOperationException($"{Name} is merged into {LoraPartNames.Words(part)} already: unmerge it first.");
        }
        var layers = Fit(networks);
        using var noGrad = no_grad();
        try
        {
            foreach (var (pair, layer) in layers)
            {
                using var scope = NewDisposeScope();
                var old = layer.Weight;
                var change = pair.Up.to(ScalarType.Float32).matmul(pair.Down.to(ScalarType.Float32)).mul_(scales.Of(pair.Part) * pair.Alpha / pair.Rank);
                var merged = old.to(ScalarType.Float32).add(change.to(old.device)).to(old.dtype);
                if (!_merged.TryGetValue(networks[pair.Part], out var before)) _merged[networks[pair.Part]] = before = [];
                // The old weight may be a mapped file: keeping a handle costs no memory and brings it back exactly.
                before.Add((layer, old.detach().alias().DetachFromDisposeScope()));
                layer.Assign("weight", merged);
            }
        }
        catch
        {
            foreach (var network in networks.Values.Where(_merged.ContainsKey)) TakeOut(network);
            throw;
        }
    }

    private void TakeOut(nn.Module network)
    {
        _merged.Remove(network, out var before);
        using var noGrad = no_grad();
        foreach (var (layer, old) in before!) layer.Assign("weight", old);
    }

    private List<(LoraPair Pair, Projection Layer)> Fit(Dictionary<LoraPart, nn.Module> networks)
    {
        var projections = networks.ToDictionary(n => n.Key, n => n.Value.named_modules().Where(m => m.module is Projection).ToDictionary(m => m.name, m => (Projection)m.module));
        List<string> unexpected = [], misShaped = [], loaded = [];
        var result = new List<(LoraPair Pair, Projection Layer)>();
        foreach (var pair in Pairs.Where(p => networks.ContainsKey(p.Part)))
        {
            var name = pair.Part == LoraPart.Transformer ? pair.Target : $"{LoraPartNames.Words(pair.Part)}'s {pair.Target}";
            if (!projections[pair.Part].TryGetValue(pair.Target, out var layer)) unexpected.Add(name);
            else if (layer.Weight.size(0) != pair.Up.size(0) || layer.Weight.size(1) != pair.Down.size(1)) misShaped.Add($"{name}: adapter [{pair.Up.size(0)}, {pair.Down.size(1)}], network {Shape.Text(layer.Weight)}");
            else if (layer.IsQuantized) misShaped.Add($"{name}: the network's weight is packed in 8 bits or fewer; load with KeepPacked = false, or merge before quantizing");
            else
            {
                loaded.Add(name);
                result.Add((pair, layer));
            }
        }
        if (unexpected.Count + misShaped.Count > 0) throw new CheckpointException(Name, new LoadReport(loaded, [], unexpected, misShaped), "This LoRA was made for another model; nothing was changed.");
        return result;
    }
}
