using System.Globalization;
using System.Numerics;
using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>Lays an optimizer's state_dict() out flat: tensors <c>state.N.slot</c>, and the groups as JSON.</summary>
internal sealed class TorchOptimizer
{
    private const int MaxDepth = 8;
    private const int MaxValues = 500_000;
    private readonly string _path;
    private readonly Func<TorchTensor, Tensor> _read;
    private readonly Dictionary<string, Tensor> _tensors = [];
    private long _bytesLeft;
    private int _values;

    private TorchOptimizer(string path, long fileLength, Func<TorchTensor, Tensor> read)
    {
        // Tensors of a state lie apart in the file; what adds up to far more than the file is one tensor named again and again.
        (_path, _read, _bytesLeft) = (path, read, (1L << 28) + (4 * fileLength));
    }

    public static (IReadOnlyDictionary<string, Tensor> Tensors, string ParamGroups) Read(PickleDict optimizer, string name, string path,
        long fileLength, Func<TorchTensor, Tensor> read)
    {
        if (optimizer["param_groups"] is not PickleSequence groups || optimizer["state"] is not PickleDict state)
            throw new InvalidDataException($"{path}: '{name}' has no list of groups or no state.");
        var result = new TorchOptimizer(path, fileLength, read);
        var json = new JsonArray([.. groups.Items.Select((g, i) => result.Json(g, $"{name}.param_groups[{i}]", 0))]);
        try
        {
            foreach (var (key, slots) in state.Items)
            {
                if (key is not (long or string))
                    throw new InvalidDataException(
                        $"{path}: '{name}' has a state under {PickleText.Kind(key)}; numbers and names are read.");
                result.Flatten(slots, string.Create(CultureInfo.InvariantCulture, $"state.{key}"), 0);
            }
            return (result._tensors, json.ToJsonString());
        }
        catch
        {
            foreach (var tensor in result._tensors.Values) tensor.Dispose();
            throw;
        }
    }

    private void Flatten(object? value, string name, int depth)
    {
        Visit(name, depth);
        switch (value)
        {
            case null: return;
            case TorchTensor stored:
                _bytesLeft -= stored.Dtype.Bytes(stored.Count);
                if (_bytesLeft < 0)
                    throw new InvalidDataException(
                        $"{_path}: the optimizer's state would unfold to far more than the file holds, at '{PickleText.Short(name)}'.");
                Add(name, _read(stored));
                return;
            case long whole: Add(name, tensor(whole)); return;
            case double number: Add(name, tensor(number, ScalarType.Float64)); return;
            case bool flag: Add(name, tensor(flag)); return;
            case PickleDict dict:
                foreach (var (key, inner) in dict.Items) Flatten(inner, $"{name}.{PickleText.Plain(key)}", depth + 1);
                return;
            case PickleSequence sequence:
                for (var i = 0; i < sequence.Items.Count; i++)
                    Flatten(sequence.Items[i], string.Create(CultureInfo.InvariantCulture, $"{name}.{i}"), depth + 1);
                return;
            default:
                throw new InvalidDataException(
                    $"{_path}: '{PickleText.Short(name)}' is {PickleText.Kind(value)}; an optimizer's state holds numbers and tensors.");
        }
    }

    private void Add(string name, Tensor tensor)
    {
        if (_tensors.TryAdd(name, tensor.DetachFromDisposeScope())) return;
        tensor.Dispose();
        throw new InvalidDataException($"{_path}: '{PickleText.Short(name)}' is there twice.");
    }

    private static double Number(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.reshape(1).to(ScalarType.Float64)[0].ToDouble();
    }

    // Lists in lists that share their parts can unfold without bound.
    private void Visit(string name, int depth)
    {
        if (depth > MaxDepth) throw new InvalidDataException($"{_path}: '{PickleText.Short(name)}' lies too deep.");
        if (++_values > MaxValues)
            throw new InvalidDataException($"{_path}: the optimizer's state unfolds to more than {MaxValues} values.");
    }

    private JsonNode? Json(object? value, string name, int depth)
    {
        Visit(name, depth);
        switch (value)
        {
            case null: return null;
            case bool flag: return flag;
            case long whole: return whole;
            // JSON has no infinity and no NaN: they stand as texts.
            case double number: return double.IsFinite(number) ? number : number.ToString(CultureInfo.InvariantCulture);
            case BigInteger big: return big.ToString(CultureInfo.InvariantCulture);
            case string text: return text;
            case PickleGlobal global: return global.FullName;
            case PickleSequence sequence:
                return new JsonArray([.. sequence.Items.Select((item, i) => Json(item, $"{name}[{i}]", depth + 1))]);
            case PickleDict dict:
                var result = new JsonObject();
                foreach (var (key, inner) in dict.Items)
                    result[PickleText.Plain(key)
                        ?? throw new InvalidDataException(
                            $"{_path}: '{PickleText.Short(name)}' has a key that is {PickleText.Kind(key)}.")] = Json(inner,
                                $"{name}.{PickleText.Plain(key)}", depth + 1);
                return result;
            // A rate or a count of steps that is kept as a tensor (capturable, fused).
            case TorchTensor { Count: 1 } stored:
                using (var tensor = _read(stored)) return Json(Number(tensor), name, depth + 1);
            default:
                throw new InvalidDataException(
                    $"{_path}: '{PickleText.Short(name)}' is {PickleText.Kind(value)}; a group holds numbers, texts and lists.");
        }
    }
}
