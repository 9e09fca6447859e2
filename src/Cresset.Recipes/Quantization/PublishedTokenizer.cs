using System.Globalization;
using System.Text.RegularExpressions;
using Cresset.Numerics;
using Cresset.Quantization;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Tokenizers that other programs published, by their weights alone: the VQGAN of taming-transformers (codes by distance or Gumbel),
/// EnCodec's causal model and the Descript Audio Codec.
/// Sizes are those of the weights; nothing in the file is run.
/// </summary>
public sealed partial class PublishedTokenizer
{
    private readonly ITensorSource _source;
    private readonly Dictionary<string, Tensor> _weights = new(StringComparer.Ordinal);
    private readonly List<string> _notes = [];

    private PublishedTokenizer(ITensorSource source) => _source = source;

    /// <summary>Reads a file's tokenizer.</summary>
    /// <param name="source">The weights, as <see cref="TensorFile.Open"/> opens them.</param>
    /// <param name="id">What the tokenizer is called; files of codes name it.</param>
    /// <param name="rate">Samples per second of a tokenizer of sounds; 0 takes what the file says, else that of the published
    /// model.</param>
    /// <param name="groups">Groups of a VQGAN's norms, which its weights do not tell.</param>
    /// <returns>The tokenizer, and what was assumed or left out, a line each.</returns>
    /// <exception cref="InvalidDataException">The weights are of none of these models, or of a variant that is not read.</exception>
    public static (TokenizerRun Tokenizer, IReadOnlyList<string> Notes) Read(ITensorSource source, string id, int rate = 0, int groups = 32)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentException.ThrowIfNullOrWhiteSpace(id);
        ArgumentOutOfRangeException.ThrowIfNegative(rate);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(groups);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var reading = new PublishedTokenizer(source);
        try
        {
            reading.ReadAll();
            return (reading.Make(id, rate, groups), reading._notes);
        }
        catch (Exception failure) when (failure is CheckpointException or KeyNotFoundException or ArgumentException or ArithmeticException
            or System.Runtime.InteropServices.ExternalException)
        {
            throw new InvalidDataException($"{source.Path}: {failure.Message}", failure);
        }
    }

    private TokenizerRun Make(string id, int rate, int groups)
    {
        if (_weights.ContainsKey("encoder.conv_in.weight") && _weights.ContainsKey("quant_conv.weight")) return Vqgan(id, groups);
        if (_weights.ContainsKey("encoder.model.0.conv.weight")) return Encodec(id, rate);
        if (_weights.ContainsKey("quantizer.quantizers.0.codebook.weight")) return Dac(id, rate);
        throw new InvalidDataException(
            $"{_source.Path}: its {_weights.Count} tensors ({string.Join(", ", _weights.Keys.Order(StringComparer.Ordinal).Take(3))}, ...) "
                + $"are those of no tokenizer that is read: VQGAN of taming-transformers, EnCodec, Descript Audio Codec.");
    }

    /// <summary>All weights in float32 at least, weight norm multiplied out, under the keys of Cresset's modules.</summary>
    private void ReadAll()
    {
        var left = new List<string>();
        foreach (var name in _source.Entries.Keys)
        {
            if (name.StartsWith("loss.", StringComparison.Ordinal) || name is "colorize")
            {
                left.Add(name);
                continue;
            }
            var key = name.Replace(".parametrizations.weight.original0", ".weight_g", StringComparison.Ordinal)
                .Replace(".parametrizations.weight.original1", ".weight_v", StringComparison.Ordinal)
                .Replace(".conv.conv.", ".conv.", StringComparison.Ordinal).Replace(".convtr.convtr.", ".convtr.", StringComparison.Ordinal)
                .Replace("quantizer.vq.layers.", "quantizer.layers.", StringComparison.Ordinal);
            var tensor = _source.Read(name);
            _weights.Add(key, tensor.dtype is ScalarType.Float16 or ScalarType.BFloat16 ? tensor.to(ScalarType.Float32) : tensor);
        }
        if (left.Count > 0) _notes.Add($"left out {left.Count} tensors of the training loss ({left[0]}{(left.Count > 1 ? ", ..." : "")}).");
        foreach (var key in _weights.Keys.Where(k => k.EndsWith(".weight_v", StringComparison.Ordinal)).ToList())
        {
            var start = key[..^"weight_v".Length];
            var (direction, length) = (_weights[key], _weights[start + "weight_g"]);
            // The norm is that of everything but the first dimension, for transposed convolutions too.
            var norms = direction.flatten(1).norm(1).reshape([direction.size(0), .. Enumerable.Repeat(1L, (int)direction.dim() - 1)]);
            _weights[start + "weight"] = direction * (length.reshape(norms.shape) / norms);
            _weights.Remove(key);
            _weights.Remove(start + "weight_g");
        }
    }

    private TokenizerRun Vqgan(string id, int groups)
    {
        foreach (var key in _weights.Keys.Where(k => AttentionWeight().IsMatch(k)).ToList()) _weights[key] = _weights[key].flatten(1);
        var width = (int)Size("encoder.conv_in.weight", 0);
        var levels = Count("encoder.down.{0}.block.0.conv1.weight");
        var options = new TokenizerOptions
        {
            Width = width,
            Architecture = new VqganArchitecture
            {
                Multipliers = [.. Enumerable.Range(0, levels).Select(i => (int)Size($"encoder.down.{i}.block.0.conv1.weight", 0) / width)],
                ResidualBlocks = Count("encoder.down.0.block.{0}.conv1.weight"),
                AttentionLevels = [.. Enumerable.Range(0, levels).Where(i => _weights.ContainsKey($"encoder.down.{i}.attn.0.norm.weight"))],
                Groups = groups,
                Inner = (int)Size("encoder.conv_out.weight", 0),
            },
            Quantizer = _weights.ContainsKey("quantize.proj.weight")
                ? new GumbelQuantizerOptions { Size = (int)Size("quantize.embed.weight", 0), Width = (int)Size("quantize.embed.weight", 1) }
                : Codes((int)Size("quantize.embedding.weight", 0), (int)Size("quantize.embedding.weight", 1), CodeSimilarity.Euclidean),
        };
        Rename("quantize.embedding.weight", "quantize._codebook.embed");
        Rename("quantize.embed.weight", "quantize.embed");
        _notes.Add($"the norms are taken to have {groups} groups, which weights do not tell.");
        return Filled(options, (int)Size("encoder.conv_in.weight", 1), size: 1 << (levels + 3), 0, id, "quantize.");
    }

    private TokenizerRun Encodec(string id, int rate)
    {
        if (_weights.Keys.FirstOrDefault(
            k => k.StartsWith("encoder.", StringComparison.Ordinal) && k.Contains(".norm.", StringComparison.Ordinal)) is { } norm)
            throw new InvalidDataException(
                $"{_source.Path}: '{norm}' is a norm over time, as EnCodec's model of 48 kHz has; it codes segments of a second with a "
                    + $"loudness each, and is not read. The model of 24 kHz is.");
        var convolutions = _weights.Keys.Select(k => StackConvolution().Match(k)).Where(m => m.Success)
            .Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).Order().ToList();
        List<int> steps = [.. convolutions.Skip(1).SkipLast(1)];
        int[] ratios = [.. steps.Select(i => (int)Size($"encoder.model.{i}.conv.weight", 2) / 2).Reverse()];
        var units = _weights.Keys.Select(k => StackUnit().Match(k)).Where(m => m.Success).Select(m => m.Groups[1].Value).Distinct().Count();
        var memory = _weights.Keys.Where(k => k.StartsWith("encoder.", StringComparison.Ordinal))
            .Count(k => k.Contains(".lstm.weight_ih_l", StringComparison.Ordinal));
        var options = new TokenizerOptions
        {
            Width = (int)Size("encoder.model.0.conv.weight", 0),
            Architecture = new EncodecArchitecture
            {
                Ratios = ratios,
                ResidualUnits = ratios.Length == 0 ? 0 : units / ratios.Length,
                LstmLayers = memory,
                Kernel = (int)Size("encoder.model.0.conv.weight", 2),
                ResidualKernel = units == 0 ? 3 : (int)Size("encoder.model.1.block.1.conv.weight", 2),
            },
            Quantizer = new ResidualQuantizerOptions
            {
                Stages = Count("quantizer.layers.{0}._codebook.embed"),
                Stage = Codes((int)Size("quantizer.layers.0._codebook.embed", 0), (int)Size("quantizer.layers.0._codebook.embed", 1),
                    CodeSimilarity.Euclidean, CodebookLearning.MovingAverage),
            },
        };
        foreach (var key in _weights.Keys.Where(k => k.EndsWith("_codebook.inited", StringComparison.Ordinal)).ToList())
        {
            _weights[key[..^"inited".Length] + "initted"] = _weights[key].ne(0).reshape([]);
            _weights.Remove(key);
        }
        return Filled(options, (int)Size("encoder.model.0.conv.weight", 1), 64 * ratios.Aggregate(1, (a, b) => a * b), RateOf(rate, 24000),
            id, "quantizer.");
    }

    private TokenizerRun Dac(string id, int rate)
    {
        var blocks = _weights.Keys.Select(k => StepConvolution().Match(k)).Where(m => m.Success)
            .Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).Order().ToList();
        int[] ratios = [.. blocks.Select(i => (int)Size($"encoder.block.{i}.block.4.weight", 2) / 2)];
        var stages = Count("quantizer.quantizers.{0}.codebook.weight");
        var latent = (int)Size("quantizer.quantizers.0.in_proj.weight", 1);
        var widths = Enumerable.Range(0, stages).Select(i => (int)Size($"quantizer.quantizers.{i}.codebook.weight", 1)).Distinct().ToList();
        if (widths.Count > 1)
            throw new InvalidDataException(
                $"{_source.Path}: its codebooks have codes of {string.Join(" and ", widths)} numbers; one width for all is read.");
        var options = new TokenizerOptions
        {
            Width = (int)Size("encoder.block.0.weight", 0),
            Architecture = new DacArchitecture { Ratios = ratios, DecoderWidth = (int)Size("decoder.model.0.weight", 0) },
            Quantizer = new ResidualQuantizerOptions
            {
                Stages = stages,
                Stage = new ProjectedQuantizerOptions
                {
                    Width = latent,
                    Inner = Codes((int)Size("quantizer.quantizers.0.codebook.weight", 0), widths[0], CodeSimilarity.Angle)
                },
            },
        };
        for (var i = 0; i < stages; i++)
        {
            foreach (var (theirs, ours) in new[] { ("in_proj", "project_in"), ("out_proj", "project_out") })
            {
                Rename($"quantizer.quantizers.{i}.{theirs}.weight", $"quantizer.layers.{i}.{ours}.weight");
                Rename($"quantizer.quantizers.{i}.{theirs}.bias", $"quantizer.layers.{i}.{ours}.bias");
                _weights[$"quantizer.layers.{i}.{ours}.weight"] = _weights[$"quantizer.layers.{i}.{ours}.weight"].flatten(1);
            }
            Rename($"quantizer.quantizers.{i}.codebook.weight", $"quantizer.layers.{i}.inner._codebook.embed");
        }
        return Filled(options, (int)Size("encoder.block.0.weight", 1), 64 * ratios.Aggregate(1, (a, b) => a * b), RateOf(rate, 44100), id,
            "quantizer.");
    }

    /// <summary>The tokenizer of options with the weights; what of its quantizer the file does not hold stays as it was made.</summary>
    private TokenizerRun Filled(TokenizerOptions options, int channels, int size, int rate, string id, string quantizer)
    {
        using var generator = new Generator(0);
        var model = options.ThrowIfInvalid().Build(channels, generator);
        try
        {
            foreach (var (key, tensor) in StateDict.Of(model))
            {
                if (!key.StartsWith(quantizer, StringComparison.Ordinal)) continue;
                if (_weights.ContainsKey(key)) Fit(key, tensor);
                else if (!key.EndsWith("embed", StringComparison.Ordinal) && !key.EndsWith("weight", StringComparison.Ordinal)
                    && !key.EndsWith("bias", StringComparison.Ordinal)) _weights.Add(key, tensor.clone());
            }
            StateDict.Load(model, _weights);
            foreach (var (key, tensor) in StateDict.Of(model))
            {
                if (key.EndsWith("initted", StringComparison.Ordinal)) tensor.fill_(true);
            }
        }
        catch
        {
            model.Dispose();
            throw;
        }
        return TokenizerRun.Of(model, options, channels, size, rate, id);
    }

    // A convolution of width 1 is a linear map.
    private void Fit(string key, Tensor tensor)
    {
        if (_weights.TryGetValue(key, out var weight) && weight.dim() > tensor.dim() && weight.numel() == tensor.numel())
            _weights[key] = weight.reshape(tensor.shape);
    }

    private int RateOf(int asked, int published)
    {
        if (asked > 0) return asked;
        var said = _source.Metadata.FirstOrDefault(pair => pair.Key.EndsWith("sample_rate", StringComparison.Ordinal)).Value;
        if (int.TryParse(said, NumberStyles.None, CultureInfo.InvariantCulture, out var rate) && rate > 0) return rate;
        _notes.Add($"the rate is taken to be {published} Hz, that of the published model (--rate says another).");
        return published;
    }

    private static VectorQuantizerOptions Codes(int size, int width, CodeSimilarity similarity,
        CodebookLearning learning = CodebookLearning.Gradient)
        => new()
        {
            Codebook =
            new() { Size = size, Width = width, Similarity = similarity, Learning = learning, RestartShare = 0, KMeansIterations = 0 }
        };

    private long Size(string key, int dimension) =>
        _weights.TryGetValue(key, out var weight) && dimension < weight.dim() ? weight.size(dimension)
            : throw new KeyNotFoundException($"'{key}' is missing or of another shape: a variant that is not read.");

    private int Count(string pattern)
    {
        var count = 0;
        while (_weights.ContainsKey(string.Format(CultureInfo.InvariantCulture, pattern, count))) count++;
        return count > 0 ? count
            : throw new KeyNotFoundException(
                $"'{string.Format(CultureInfo.InvariantCulture, pattern, 0)}' is missing: a variant that is not read.");
    }

    private void Rename(string from, string to)
    {
        if (_weights.Remove(from, out var weight)) _weights.Add(to, weight);
    }

    [GeneratedRegex(@"\.attn(_1|\.\d+)\.(q|k|v|proj_out)\.weight$")]
    private static partial Regex AttentionWeight();

    [GeneratedRegex(@"^encoder\.model\.(\d+)\.conv\.weight$")]
    private static partial Regex StackConvolution();

    [GeneratedRegex(@"^encoder\.model\.(\d+)\.block\.1\.conv\.weight$")]
    private static partial Regex StackUnit();

    [GeneratedRegex(@"^encoder\.block\.(\d+)\.block\.4\.weight$")]
    private static partial Regex StepConvolution();
}
