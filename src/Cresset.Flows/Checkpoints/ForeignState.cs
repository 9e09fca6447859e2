using System.Globalization;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Tensors of a checkpoint below one place in its tree of modules; remembers what was taken.</summary>
internal sealed class ForeignState
{
    private readonly string _path;
    private readonly IReadOnlyDictionary<string, Tensor> _tensors;
    private readonly string _prefix;
    private readonly HashSet<string> _taken;

    public ForeignState(string path, IReadOnlyDictionary<string, Tensor> tensors)
        : this(path, tensors, "", [])
    {
    }

    private ForeignState(string path, IReadOnlyDictionary<string, Tensor> tensors, string prefix, HashSet<string> taken)
        => (_path, _tensors, _prefix, _taken) = (path, tensors, prefix, taken);

    /// <summary>Keys below this place, without it.</summary>
    public IEnumerable<string> Keys =>
        _tensors.Keys.Where(k => k.StartsWith(_prefix, StringComparison.Ordinal)).Select(k => k[_prefix.Length..]);

    public bool IsEmpty => !Keys.Any();

    public ForeignState Under(string name) => new(_path, _tensors, $"{_prefix}{name}.", _taken);

    public ForeignState Under(int index) => Under(index.ToString(CultureInfo.InvariantCulture));

    public bool Has(string key) => _tensors.ContainsKey(_prefix + key);

    /// <summary>The tensor; it counts as used.</summary>
    public Tensor Take(string key)
    {
        if (!_tensors.TryGetValue(_prefix + key, out var tensor)) throw Refused($"there is no '{_prefix}{key}'");
        _taken.Add(_prefix + key);
        return tensor;
    }

    /// <summary>Marks what a flow does not need (a cache, a copy) as used, where it is there.</summary>
    public void Skip(params string[] keys)
    {
        foreach (var key in keys.Where(Has)) _taken.Add(_prefix + key);
    }

    public long Size(string key, int dimension)
    {
        var tensor = Take(key);
        return tensor.dim() > dimension ? tensor.size(dimension) : throw Refused($"'{_prefix}{key}' has shape {Shape.Text(tensor)}");
    }

    public int[] Integers(string key)
    {
        var tensor = Take(key);
        return TensorCasts.Loss(tensor, ScalarType.Int32) is { } loss ? throw Refused($"'{_prefix}{key}' {loss}")
            : tensor.to(ScalarType.Int32).cpu().contiguous().data<int>().ToArray();
    }

    /// <summary>Numbers of the modules in a list below this place.</summary>
    public int[] Numbers() =>
        [.. Keys.Select(k => k.Split('.')[0]).Where(k => k.All(char.IsAsciiDigit) && k.Length > 0)
            .Select(k => int.Parse(k, CultureInfo.InvariantCulture)).Distinct().Order()];

    /// <summary>Keys nobody took.</summary>
    public IReadOnlyList<string> Left() => [.. _tensors.Keys.Where(k => !_taken.Contains(k))];

    public CheckpointException Refused(string reason) =>
        new($"{_path}: {(_prefix.Length == 0 ? "" : $"'{_prefix.TrimEnd('.')}': ")}{reason}. Nothing was loaded.");

    /// <summary>
    /// A multi-layer perceptron from linear layers of a sequence, whatever stands between them: values given, values wanted, its layers
    /// under our keys.
    /// </summary>
    public (long Inputs, long Outputs, int[] Hidden, Dictionary<string, Tensor> State) Perceptron()
    {
        var numbers = Numbers();
        if (numbers.Length == 0) throw Refused("here should be a sequence of linear layers");
        Dictionary<string, Tensor> state = [];
        List<Tensor> weights = [];
        foreach (var number in numbers)
        {
            var layer = Under(number);
            if (!layer.Keys.Order(StringComparer.Ordinal).SequenceEqual(["bias", "weight"]) || layer.Take("weight").dim() != 2)
                throw layer.Refused("networks are read that consist of linear layers and activations without weights");
            var at = 2 * weights.Count;
            state[string.Create(CultureInfo.InvariantCulture, $"{at}.weight")] = layer.Take("weight");
            state[string.Create(CultureInfo.InvariantCulture, $"{at}.bias")] = layer.Take("bias");
            weights.Add(layer.Take("weight"));
        }
        return (weights[0].size(1), weights[^1].size(0), [.. weights.SkipLast(1).Select(w => checked((int)w.size(0)))], state);
    }

    /// <summary>
    /// Copies values into a module under its own keys; all its parameters must be there. Buffers that are not keep what the constructor
    /// gave them.
    /// </summary>
    public T Fill<T>(T module, Dictionary<string, Tensor> state)
        where T : nn.Module
    {
        if (state.Values.FirstOrDefault(t => t.is_floating_point()) is { } like && like.dtype != ScalarType.Float32) module.to(like.dtype);
        var parameters = module.named_parameters().Select(p => p.name).ToHashSet();
        var report = StateDict.Load(module, state, strict: false);
        var missing = report.Missing.Where(parameters.Contains).ToList();
        if (missing.Count > 0 || report.Unexpected.Count > 0) throw Refused($"{report}");
        return module;
    }
}
