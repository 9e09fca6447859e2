using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>One low-rank change of a linear map: W + scale * alpha / rank * B A (Hu et al. 2022).</summary>
/// <param name="Target">Key of the layer, without ".weight", in the folder layout.</param>
/// <param name="Down">A, [rank, in].</param>
/// <param name="Up">B, [out, rank].</param>
/// <param name="Alpha">alpha; the rank where the file has none.</param>
public sealed record LoraPair(string Target, Tensor Down, Tensor Up, double Alpha)
{
    /// <summary>The rank.</summary>
    public long Rank => Down.size(0);
}

/// <summary>
/// A LoRA for the transformer: read from files with PEFT's or kohya's names, merged into a network and taken out again, saved.
/// </summary>
public sealed class LoraAdapter : IDisposable
{
    private readonly Dictionary<MmDit, List<(Projection Layer, Tensor Before)>> _merged = [];

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

    /// <summary>Reads an adapter.</summary>
    /// <exception cref="InvalidDataException">The file holds no LoRA of this kind of network, or half of a pair.</exception>
    public static LoraAdapter Load(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return new LoraAdapter(path, LoraKeys.Read(file));
    }

    /// <summary>Adds scale * alpha / rank * B A to the network's weights. All targets and shapes are checked first.</summary>
    /// <exception cref="CheckpointException">A target or shape does not fit: this LoRA belongs to another model; nothing was changed.</exception>
    public void Merge(MmDit model, double scale = 1)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (_merged.ContainsKey(model)) throw new InvalidOperationException($"{Name} is merged into this network already: unmerge it first.");
        var layers = Fit(model);
        using var noGrad = no_grad();
        var before = new List<(Projection Layer, Tensor Before)>();
        foreach (var (pair, layer) in layers)
        {
            using var scope = NewDisposeScope();
            var old = layer.Weight;
            var change = pair.Up.to(ScalarType.Float32).matmul(pair.Down.to(ScalarType.Float32)).mul_(scale * pair.Alpha / pair.Rank);
            var merged = old.to(ScalarType.Float32).add(change.to(old.device)).to(old.dtype);
            // The old weight may be a mapped file: keeping a handle costs no memory and brings it back exactly.
            before.Add((layer, old.detach().alias().DetachFromDisposeScope()));
            layer.Assign("weight", merged);
        }
        _merged.Add(model, before);
    }

    /// <summary>Puts the network's own weights back, bit for bit. Adapters merged later must be taken out first.</summary>
    public void Unmerge(MmDit model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (!_merged.Remove(model, out var before)) throw new InvalidOperationException($"{Name} is not merged into this network.");
        using var noGrad = no_grad();
        foreach (var (layer, old) in before) layer.Assign("weight", old);
    }

    /// <summary>Saves the adapter with PEFT's names (<c>transformer.….lora_A.weight</c>) as diffusers writes them: alpha stands in the header.</summary>
    public void Save(string path)
    {
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var pair in Pairs)
        {
            tensors[$"transformer.{pair.Target}.lora_A.weight"] = pair.Down.detach().cpu();
            tensors[$"transformer.{pair.Target}.lora_B.weight"] = pair.Up.detach().cpu();
        }
        var header = new Dictionary<string, string> { ["format"] = "pt" };
        if (LoraHeader.Text(Pairs) is { } settings) header[LoraHeader.Key] = settings;
        SafetensorsWriter.Write(path, tensors, header);
    }

    /// <summary>Saves the adapter with kohya's names (<c>lora_unet_….lora_down.weight</c>).</summary>
    public void SaveKohya(string path)
    {
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var pair in Pairs)
        {
            var stem = "lora_transformer_" + pair.Target.Replace('.', '_');
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

    private List<(LoraPair Pair, Projection Layer)> Fit(MmDit model)
    {
        var projections = model.named_modules().Where(m => m.module is Projection).ToDictionary(m => m.name, m => (Projection)m.module);
        List<string> missing = [], misShaped = [], loaded = [];
        var result = new List<(LoraPair Pair, Projection Layer)>();
        foreach (var pair in Pairs)
        {
            if (!projections.TryGetValue(pair.Target, out var layer)) missing.Add(pair.Target);
            else if (layer.Weight.size(0) != pair.Up.size(0) || layer.Weight.size(1) != pair.Down.size(1)) misShaped.Add($"{pair.Target}: adapter [{pair.Up.size(0)}, {pair.Down.size(1)}], network {Shape.Text(layer.Weight)}");
            else if (layer.IsQuantized) misShaped.Add($"{pair.Target}: the network's weight is stored in 8 bits; merge before quantizing");
            else
            {
                loaded.Add(pair.Target);
                result.Add((pair, layer));
            }
        }
        if (missing.Count + misShaped.Count > 0) throw new CheckpointException(Name, new LoadReport(loaded, [], missing, misShaped), "This LoRA was made for another model.");
        return result;
    }
}
