using Cresset.Nn;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// An adapter for the transformer and the text encoders: LoRA and DoRA of linear maps and convolutions, LyCORIS's LoKr and LoHa; read from
/// files with PEFT's, diffusers', kohya's or SimpleTuner's names, put into the networks and taken out again, saved.
/// </summary>
public sealed class LoraAdapter : IDisposable
{
    private const string FolderFile = "pytorch_lora_weights.safetensors";

    private readonly Dictionary<nn.Module, List<Change>> _merged = [];
    private readonly IReadOnlyList<IWeightChange> _others;

    /// <summary>Makes an adapter from its pairs, which it owns.</summary>
    public LoraAdapter(string name, IReadOnlyList<LoraPair> pairs)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        (Name, Pairs, _others) = (name, pairs, []);
    }

    private LoraAdapter(string name, AdapterFile file)
        => (Name, Pairs, _others, LeftOut) = (name, file.Pairs, file.Others, file.LeftOut);

    /// <summary>Where it came from, for messages.</summary>
    public string Name { get; }

    /// <summary>The low-rank changes; <see cref="Layers"/> names those in other forms too.</summary>
    public IReadOnlyList<LoraPair> Pairs { get; }

    /// <summary>Every layer that it changes, in the file's form.</summary>
    public IReadOnlyList<AdapterLayer> Layers =>
        [.. Changes.Select(c => new AdapterLayer(c.Part, c.Target, c.Kind, c.Rank, c.Alpha, c.Inputs, c.Outputs, c.Parameters))];

    /// <summary>Keys of the file that are none of the forms known and are left out, such as the words of a bundle.</summary>
    public IReadOnlyList<string> LeftOut { get; } = [];

    private IEnumerable<IWeightChange> Changes => Pairs.Concat(_others);

    /// <summary>Reads an adapter from a file, or from the folder in which diffusers saved it (pytorch_lora_weights.safetensors).</summary>
    /// <exception cref="InvalidDataException">The file holds no LoRA of this kind of network, or half of a pair.</exception>
    public static LoraAdapter Load(string path)
    {
        using var file = SafetensorsFile.Open(InFolder(path));
        return new LoraAdapter(path, LoraKeys.Read(file));
    }

    /// <summary>The networks that it changes.</summary>
    public IReadOnlyList<LoraPart> Parts => [.. Changes.Select(p => p.Part).Distinct().Order()];

    /// <summary>
    /// True for a safetensors file that looks like a LoRA or another adapter, judged by its keys; nothing is read but the header.
    /// </summary>
    public static bool IsLora(string path)
    {
        if (Directory.Exists(path)) path = Path.Combine(path, FolderFile);
        if (!File.Exists(path) || !path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)) return false;
        using var file = SafetensorsFile.Open(path);
        return CheckpointKind.IsAdapter(file);
    }

    /// <summary>
    /// Puts its changes, times their strengths, into every network that it changes. All targets and shapes are checked first. Plain
    /// low-rank changes of packed weights are added to the layers' outputs, and the weights stay packed; other forms unpack the layers they
    /// change to bfloat16.
    /// </summary>
    /// <param name="model">The pipeline.</param>
    /// <param name="scales">Strengths; null is 1 everywhere.</param>
    /// <exception cref="CheckpointException">A text encoder is absent, or a target or shape does not fit: this LoRA belongs to another
    /// model; nothing was changed.</exception>
    public void Merge(StableDiffusion3 model, LoraScales? scales = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        scales ??= new LoraScales();
        var networks = new Dictionary<LoraPart, nn.Module>();
        foreach (var part in Parts.Where(p => scales.Of(p) != 0))
        {
            networks[part] = Network(model, part)
                ?? throw new CheckpointException(
                    $"{Name} changes {LoraPartNames.Words(part)}, which this model was loaded without: load it too, or leave that part out "
                        + $"by scale 0 (--lora-skip {LoraPartNames.Option(part)}).");
        }
        Merge(networks, scales);
    }

    /// <summary>As above for the transformer alone; changes of text encoders are left out.</summary>
    public void Merge(MmDit model, double scale = 1)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (!Parts.Contains(LoraPart.Transformer))
            throw new CheckpointException(
                $"{Name} changes no layer of the transformer, only {string.Join(", ", Parts.Select(LoraPartNames.Words))}: merge it into "
                    + $"the whole pipeline.");
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
    /// <exception cref="NotSupportedException">It has changes in other forms than LoRA and DoRA.</exception>
    public void Save(string path)
    {
        OnlyPairs();
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var pair in Pairs)
        {
            var stem = $"{LoraPartNames.Diffusers(pair.Part)}.{pair.Target}";
            // diffusers finds out the family of text encoders' names from these alone where a file changes no attention.
            var (down, up) = pair.Part == LoraPart.Transformer ? ("lora_A", "lora_B") : ("lora_linear_layer.down", "lora_linear_layer.up");
            tensors[$"{stem}.{down}.weight"] = DownOf(pair);
            tensors[$"{stem}.{up}.weight"] = UpOf(pair);
            if (pair.Magnitude is { } lengths) tensors[$"{stem}.dora_scale"] = lengths.detach().cpu();
        }
        var header = new Dictionary<string, string> { ["format"] = "pt" };
        if (LoraHeader.Text(Pairs) is { } settings) header[LoraHeader.Key] = settings;
        SafetensorsWriter.Write(path, tensors, header);
    }

    /// <summary>
    /// Saves the adapter with kohya's names (<c>lora_transformer_….lora_down.weight</c>, <c>lora_te1_….lora_down.weight</c>).
    /// </summary>
    /// <exception cref="NotSupportedException">It has changes in other forms than LoRA and DoRA.</exception>
    public void SaveKohya(string path)
    {
        OnlyPairs();
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var pair in Pairs)
        {
            var stem = LoraPartNames.Kohya(pair.Part) + pair.Target.Replace('.', '_');
            tensors[$"{stem}.lora_down.weight"] = DownOf(pair);
            tensors[$"{stem}.lora_up.weight"] = UpOf(pair);
            if (pair.Magnitude is { } lengths) tensors[$"{stem}.dora_scale"] = lengths.detach().cpu();
            tensors[$"{stem}.alpha"] = tensor((float)pair.Alpha);
        }
        SafetensorsWriter.Write(path, tensors);
    }

    /// <summary>
    /// Frees the changes; a network keeps the weights they were merged into, and loses what was added to the outputs of packed layers.
    /// </summary>
    public void Dispose()
    {
        // What is added to outputs reads the pairs: it goes with them.
        foreach (var change in _merged.Values.SelectMany(m => m)) change.Forget();
        _merged.Clear();
        foreach (var change in Changes) change.Dispose();
    }

    private static Tensor DownOf(LoraPair pair) =>
        pair.DownShape is { } shape ? pair.Down.detach().cpu().view([.. shape]) : pair.Down.detach().cpu();

    private static Tensor UpOf(LoraPair pair) =>
        pair.DownShape is null ? pair.Up.detach().cpu() : pair.Up.detach().cpu().view(pair.Up.size(0), pair.Up.size(1), 1, 1);

    private void OnlyPairs()
    {
        if (_others.Count > 0)
            throw new NotSupportedException($"{Name} has {_others.Count} changes as {_others[0].Kind}; only LoRA and DoRA are written.");
    }

    private static string InFolder(string path)
    {
        if (!Directory.Exists(path)) return path;
        var file = Path.Combine(path, FolderFile);
        return File.Exists(file) ? file
            : throw new FileNotFoundException($"{path} is a folder without a {FolderFile}: name the LoRA's file.", path);
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
            if (!double.IsFinite(scales.Of(part)))
                throw new ArgumentOutOfRangeException(nameof(scales), scales.Of(part),
                    $"The strength for {LoraPartNames.Words(part)} must be a finite number.");
            if (_merged.ContainsKey(networks[part]))
                throw new InvalidOperationException($"{Name} is merged into {LoraPartNames.Words(part)} already: unmerge it first.");
        }
        var layers = Fit(networks);
        using var noGrad = no_grad();
        try
        {
            foreach (var (change, layer) in layers)
            {
                if (!_merged.TryGetValue(networks[change.Part], out var before)) _merged[networks[change.Part]] = before = [];
                before.Add(Put(change, layer, scales.Of(change.Part)));
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
        var later = _merged[network].FirstOrDefault(c => !c.IsLast);
        if (later is not null)
            throw new InvalidOperationException(
                $"{Name} cannot be taken out: the weight of one of its layers was changed after it. Take out adapters merged later first.");
        _merged.Remove(network, out var before);
        using var noGrad = no_grad();
        foreach (var change in before!) change.TakeBack();
    }

    private static Change Put(IWeightChange change, WeightLayer layer, double scale)
    {
        var packed = (layer as Projection)?.Packed;
        if (packed is not null && change is LoraPair { Magnitude: null } pair)
        {
            var term = new LowRankTerm(pair.Down, pair.Up, scale * pair.Alpha / pair.Rank);
            ((Projection)layer).Add(term);
            return new Change(layer) { Term = term };
        }
        using var scope = NewDisposeScope();
        var old = packed is null ? WeightOf(layer) : packed.ToTensor(ScalarType.Float32);
        var weight = old.to(ScalarType.Float32);
        var delta = change.Delta().to(old.device).view(weight.shape);
        if (change.Magnitude is { } magnitude)
        {
            // Rows or columns of the changed weight get their own lengths; the strength goes from the weight towards that.
            var changed = (weight + delta).flatten(1);
            var lengths = magnitude.to(ScalarType.Float32).to(old.device).flatten();
            var byRows = magnitude.size(0) == change.Outputs && (magnitude.dim() == 1 || magnitude[0].numel() == 1);
            var factor = byRows ? (lengths / changed.norm(1)).unsqueeze(1) : (lengths / changed.norm(0)).unsqueeze(0);
            delta = (changed * factor).view(weight.shape) - weight;
        }
        var merged = weight.add(delta.mul(scale)).to(packed is null ? old.dtype : ScalarType.BFloat16).MoveToOuterDisposeScope();
        var result = new Change(layer)
        {
            // The old weight may be a mapped file: keeping a handle costs no memory and brings it back exactly.
            Weight = packed is null ? old.detach().alias().DetachFromDisposeScope() : null,
            Packed = packed is null ? null : ((Projection)layer).Release(),
        };
        layer.Assign("weight", merged);
        layer.Merged.Add(result);
        return result;
    }

    private static Tensor WeightOf(WeightLayer layer) =>
        layer is Projection projection ? projection.Weight : ((SquareConvolution)layer).Weight;

    private List<(IWeightChange Change, WeightLayer Layer)> Fit(Dictionary<LoraPart, nn.Module> networks)
    {
        var found = networks.ToDictionary(n => n.Key,
            n => n.Value.named_modules().Where(m => m.module is Projection or SquareConvolution)
                .ToDictionary(m => m.name, m => (WeightLayer)m.module));
        List<string> unexpected = [], misShaped = [], loaded = [];
        var result = new List<(IWeightChange Change, WeightLayer Layer)>();
        foreach (var change in Changes.Where(p => networks.ContainsKey(p.Part)))
        {
            var name = change.Part == LoraPart.Transformer ? change.Target : $"{LoraPartNames.Words(change.Part)}'s {change.Target}";
            if (!found[change.Part].TryGetValue(change.Target, out var layer))
            {
                unexpected.Add(name);
                continue;
            }
            var weight = WeightOf(layer);
            long rows = weight.size(0), columns = weight.numel() / weight.size(0);
            if (rows != change.Outputs || columns != change.Inputs)
                misShaped.Add($"{name}: adapter [{change.Outputs}, {change.Inputs}], network {Shape.Text(weight)}");
            else if (change.Magnitude is { } lengths && lengths.numel() != rows && lengths.numel() != columns)
                misShaped.Add($"{name}: {lengths.numel()} magnitudes, network {Shape.Text(weight)}");
            else
            {
                loaded.Add(name);
                result.Add((change, layer));
            }
        }
        if (unexpected.Count + misShaped.Count > 0)
            throw new CheckpointException(Name, new LoadReport(loaded, [], unexpected, misShaped),
                "This LoRA was made for another model; nothing was changed.");
        return result;
    }

    // What was done to a layer, and how it was before.
    private sealed class Change(WeightLayer layer)
    {
        public WeightLayer Layer { get; } = layer;

        public Tensor? Weight { get; init; }

        public PackedWeight? Packed { get; init; }

        public LowRankTerm? Term { get; init; }

        public bool IsLast => Term is not null || ReferenceEquals(Layer.Merged[^1], this);

        public void TakeBack()
        {
            if (Term is not null)
            {
                ((Projection)Layer).Remove(Term);
                return;
            }
            Layer.Merged.RemoveAt(Layer.Merged.Count - 1);
            if (Packed is not null) Layer.Assign(Packed);
            else Layer.Assign("weight", Weight!);
        }

        public void Forget()
        {
            if (Term is not null) ((Projection)Layer).Remove(Term);
            Packed?.Dispose();
            Weight?.Dispose();
        }
    }
}
