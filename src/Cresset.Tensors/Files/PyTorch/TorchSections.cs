namespace Cresset.Tensors;

/// <summary>A state dict found in a checkpoint: where, and its tensors in order.</summary>
internal sealed record TorchSection(string Name, IReadOnlyList<KeyValuePair<string, TorchTensor>> Tensors)
{
    /// <summary>The name for people: the top of the file has none.</summary>
    public string Title => Name.Length == 0 ? "the top of the file" : $"'{Name}'";
}

/// <summary>Finds state dicts, whole modules, optimizer states and plain values in what a checkpoint holds.</summary>
internal sealed class TorchSections
{
    private const int MaxDepth = 200;
    private const int MaxSectionDepth = 4;
    private const int MaxTensors = 300_000;
    private const int MaxName = 2_000;
    private const int MaxTexts = 5_000;

    // What trainers save beside weights and may hold tensors too.
    private static readonly string[] Beside = ["optim", "sched", "scaler", "rng", "callbacks", "loops", "random_state"];

    private readonly string _path;
    private readonly List<TorchSection> _weights = [];
    private readonly Dictionary<string, PickleDict> _optimizers = [];
    private readonly Dictionary<string, string> _texts = [];
    private int _visits;

    private TorchSections(string path) => _path = path;

    public IReadOnlyList<TorchSection> Weights => _weights;

    public IReadOnlyDictionary<string, PickleDict> Optimizers => _optimizers;

    /// <summary>Plain values (epoch, hyper-parameters) by their path.</summary>
    public IReadOnlyDictionary<string, string> Texts => _texts;

    public static TorchSections Find(object? root, string path)
    {
        var sections = new TorchSections(path);
        sections.Look(root, "", 0);
        // A file without anything that looks like a state dict still has its tensors: by their place in it.
        if (sections._weights.Count == 0)
        {
            var all = new List<KeyValuePair<string, TorchTensor>>();
            sections.Collect(root, "", 0, all);
            if (all.Count > 0) sections._weights.Add(new TorchSection("", all));
        }
        return sections;
    }

    private void Look(object? value, string name, int depth)
    {
        switch (value)
        {
            case PickleObject other when Modules(other) is not null:
                var found = new List<KeyValuePair<string, TorchTensor>>();
                CollectModule(other, "", 0, found);
                if (found.Count > 0) Add(name, found);
                break;
            case PickleObject { Entries: { } entries }: LookInDict(entries, name, depth); break;
            case PickleDict dict: LookInDict(dict, name, depth); break;
            case PickleSequence sequence when depth < MaxSectionDepth:
                // Lightning keeps its optimizers in a list.
                for (var i = 0; i < Math.Min(sequence.Items.Count, 100); i++)
                {
                    if (sequence.Items[i] is PickleDict inner && IsOptimizer(inner)) _optimizers.TryAdd(Join(name, $"{i}"), inner);
                }
                break;
        }
    }

    private void LookInDict(PickleDict dict, string name, int depth)
    {
        Visit();
        if (IsOptimizer(dict))
        {
            _optimizers.TryAdd(name, dict);
            return;
        }
        var before = _weights.Count;
        var own = new List<KeyValuePair<string, TorchTensor>>();
        foreach (var (key, value) in dict.Items)
        {
            if (key is not string text) continue;
            if (value is TorchTensor tensor)
            {
                if (depth > 0 || !IsBeside(text)) own.Add(new(text, tensor));
            }
            else if (PickleText.Plain(value) is { } plain) Text(Join(name, text), plain);
            else if (depth < MaxSectionDepth && text is not ("_metadata" or "_extra_state"))
            {
                if (IsBeside(text)) LookForOptimizers(value, Join(name, text), depth + 1);
                else Look(value, Join(name, text), depth + 1);
            }
        }
        // A loss or an accuracy beside the weights is a tensor without dimensions; it makes no state dict.
        var below = _weights.Count > before;
        if (own.Any(t => !below || t.Value.Shape.Length > 0)) Add(name, own);
    }

    private void LookForOptimizers(object? value, string name, int depth)
    {
        if (value is PickleDict dict)
        {
            if (IsOptimizer(dict)) _optimizers.TryAdd(name, dict);
            else if (depth < MaxSectionDepth)
            {
                foreach (var (key, inner) in dict.Items)
                {
                    if (key is string text) LookForOptimizers(inner, Join(name, text), depth + 1);
                }
            }
        }
        else if (value is PickleSequence) Look(value, name, depth);
    }

    private void Add(string name, List<KeyValuePair<string, TorchTensor>> tensors)
    {
        if (_weights.Count == 1000) throw new InvalidDataException($"{_path}: it holds more than 1000 state dicts.");
        _weights.Add(new TorchSection(name, tensors));
    }

    // nn.Module keeps its parts in these attributes; TorchScript keeps parameters and submodules as plain attributes.
    private static PickleDict? Modules(PickleObject value)
        => value.Attributes is { } own
            && (own.Contains("_parameters") || own.Contains("_modules") || value.Type.StartsWith("__torch__.", StringComparison.Ordinal))
            ? own : null;

    private void CollectModule(PickleObject module, string prefix, int depth, List<KeyValuePair<string, TorchTensor>> found)
    {
        CheckDepth(depth);
        var own = Modules(module)!;
        if (!own.Contains("_parameters") && !own.Contains("_modules"))
        {
            CollectScript(own, prefix, depth, found);
            return;
        }
        CollectTensors(own["_parameters"], prefix, found, []);
        var transient = own["_non_persistent_buffers_set"] is PickleSequence set ? set.Items.OfType<string>().ToHashSet() : [];
        CollectTensors(own["_buffers"], prefix, found, transient);
        foreach (var (key, child) in (own["_modules"] as PickleDict)?.Items ?? [])
        {
            if (key is string name && child is PickleObject inner && Modules(inner) is not null)
                CollectModule(inner, Join(prefix, name), depth + 1, found);
        }
    }

    private void CollectScript(PickleDict attributes, string prefix, int depth, List<KeyValuePair<string, TorchTensor>> found)
    {
        CollectTensors(attributes, prefix, found, []);
        foreach (var (key, child) in attributes.Items)
        {
            if (key is string name && child is PickleObject inner && Modules(inner) is not null)
                CollectModule(inner, Join(prefix, name), depth + 1, found);
        }
    }

    private void CollectTensors(object? dict, string prefix, List<KeyValuePair<string, TorchTensor>> found, HashSet<string> without)
    {
        foreach (var (key, value) in (dict as PickleDict)?.Items ?? [])
        {
            Visit();
            if (key is string name && value is TorchTensor tensor && !without.Contains(name)) Found(found, Join(prefix, name), tensor);
        }
    }

    private void Collect(object? value, string name, int depth, List<KeyValuePair<string, TorchTensor>> found)
    {
        CheckDepth(depth);
        Visit();
        switch (value)
        {
            case TorchTensor tensor:
                Found(found, name.Length == 0 ? "tensor" : name, tensor);
                break;
            case PickleSequence sequence:
                for (var i = 0; i < sequence.Items.Count; i++) Collect(sequence.Items[i], Join(name, $"{i}"), depth + 1, found);
                break;
            case PickleDict dict when !IsOptimizer(dict):
                foreach (var (key, inner) in dict.Items)
                {
                    if (inner is not null && PickleText.Plain(key) is { } text) Collect(inner, Join(name, text), depth + 1, found);
                }
                break;
            case PickleObject { Attributes: { } attributes }:
                Collect(attributes, name, depth + 1, found);
                break;
        }
    }

    private void Found(List<KeyValuePair<string, TorchTensor>> found, string name, TorchTensor tensor)
    {
        if (found.Count == MaxTensors) throw new InvalidDataException($"{_path}: it holds more than {MaxTensors} tensors.");
        found.Add(new(name, tensor));
    }

    private void Text(string name, string value)
    {
        if (_texts.Count < MaxTexts) _texts.TryAdd(name, value);
    }

    // A dictionary that is in itself, or shared a million times over, ends here.
    private void Visit()
    {
        if (++_visits > 12 * MaxTensors)
            throw new InvalidDataException($"{_path}: its values refer to one another too often to be listed.");
    }

    private void CheckDepth(int depth)
    {
        if (depth > MaxDepth) throw new InvalidDataException($"{_path}: its values lie more than {MaxDepth} levels deep.");
    }

    private string Join(string prefix, string name)
    {
        if (prefix.Length + name.Length > MaxName)
            throw new InvalidDataException($"{_path}: a key has more than {MaxName} characters: '{PickleText.Short(prefix + name)}'.");
        return prefix.Length == 0 ? name : $"{prefix}.{name}";
    }

    private static bool IsOptimizer(PickleDict dict) => dict.Contains("param_groups") && dict.Contains("state");

    private static bool IsBeside(string key) => Beside.Any(word => key.Contains(word, StringComparison.OrdinalIgnoreCase));
}
