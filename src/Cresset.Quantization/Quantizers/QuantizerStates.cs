using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// States of quantizers that vector-quantize-pytorch, EnCodec or taming-transformers saved, brought into quantizers of the same make.
/// </summary>
public static class QuantizerStates
{
    // What those programs keep beside the codes and Cresset computes, or needs in training alone.
    private static readonly string[] Unneeded = ["mask", "zero", "_levels", "_basis", "implicit_codebook", "codebook", "inited", "initted"];

    // What Cresset keeps and they do not: steps of the averages, random streams.
    private static readonly string[] Own = ["steps", "state", "initted", "cluster_size", "embed_avg"];

    /// <summary>Copies a state into a quantizer; all is compared before the first value is copied.</summary>
    /// <param name="quantizer">The quantizer, of the options that the other program was given.</param>
    /// <param name="state">Keys without the prefix of the module that held the quantizer, such as <c>_codebook.embed</c> or
    /// <c>layers.0._codebook.embed</c>.</param>
    /// <exception cref="CheckpointException">A key is missing or left over, has another shape, or a value that the quantizer's type does
    /// not hold; it is named.</exception>
    public static void Load(Quantizer quantizer, IReadOnlyDictionary<string, Tensor> state)
    {
        ArgumentNullException.ThrowIfNull(quantizer);
        ArgumentNullException.ThrowIfNull(state);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var target = StateDict.Of(quantizer);
        var left = state.Keys.Where(key => !Unneeded.Contains(Last(key))).ToHashSet(StringComparer.Ordinal);
        var found = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        List<string> missing = [];
        foreach (var (key, tensor) in target)
        {
            if (Find(key, state) is not { } source)
            {
                if (!Own.Contains(Last(key))) missing.Add(key);
                continue;
            }
            left.Remove(source.Key);
            var value = state[source.Key];
            if (source.Head is { } head && value.dim() == tensor.dim() + 1 && head < value.size(0)) value = value[head];
            // Their codebooks begin with a dimension for heads; a 1x1 convolution is a linear map.
            if (value.numel() == tensor.numel() && Sizes(value).SequenceEqual(Sizes(tensor))) value = value.reshape(tensor.shape);
            if (!value.shape.SequenceEqual(tensor.shape))
                throw new CheckpointException(
                    $"The state's '{source.Key}' has shape {Shape.Text(value)}; the quantizer's '{key}' has {Shape.Text(tensor)}: it was "
                        + $"made with other options.");
            if (TensorCasts.Loss(value, tensor.dtype) is { } loss)
                throw new CheckpointException($"The state's '{source.Key}' {loss}. Nothing was copied.");
            found.Add(key, value);
        }
        if (missing.Count > 0)
            throw new CheckpointException(
                $"The state lacks {Some(missing)}; it holds {Some([.. state.Keys])}. Make the quantizer with the options that it was saved "
                    + $"with.");
        if (left.Count > 0)
            throw new CheckpointException(
                $"The state holds {Some([.. left])}, for which the quantizer has no place. Make it with the options that it was saved "
                    + $"with.");
        foreach (var (key, value) in found) target[key].copy_(value);
        foreach (var (key, tensor) in target)
        {
            // Codes that came are codes in place, whose averages begin at them where none came.
            if (Last(key) == "initted") tensor.fill_(true);
            var codes = key[..^Last(key).Length] + "embed";
            if (Last(key) == "embed_avg" && !found.ContainsKey(key) && found.TryGetValue(codes, out var embed)) tensor.copy_(embed);
        }
    }

    /// <summary>The state's key for one of ours, and which head's part of it is meant.</summary>
    private static (string Key, int? Head)? Find(string key, IReadOnlyDictionary<string, Tensor> state)
    {
        var plain = key.Replace("inner.", "", StringComparison.Ordinal);
        if (state.ContainsKey(plain)) return (plain, null);
        var other = plain.Replace("initted", "inited", StringComparison.Ordinal);
        if (state.ContainsKey(other)) return (other, null);
        if (!plain.StartsWith("heads.", StringComparison.Ordinal)) return null;
        var dot = plain.IndexOf('.', 6);
        var (number, rest) = (plain[6..dot], plain[(dot + 1)..]);
        if (state.ContainsKey($"rvqs.{number}.{rest}")) return ($"rvqs.{number}.{rest}", null);
        return state.ContainsKey(rest) ? (rest, int.Parse(number, System.Globalization.CultureInfo.InvariantCulture)) : null;
    }

    private static IEnumerable<long> Sizes(Tensor tensor) => tensor.shape.Where(size => size != 1);

    private static string Last(string key) => key[(key.LastIndexOf('.') + 1)..];

    private static string Some(IReadOnlyList<string> keys) =>
        $"{string.Join(", ", keys.Order(StringComparer.Ordinal).Take(5).Select(k => $"'{k}'"))}"
            + $"{(keys.Count > 5 ? $" and {keys.Count - 5} more" : "")}";
}
