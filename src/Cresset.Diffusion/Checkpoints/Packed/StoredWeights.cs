using System.Text;
using System.Text.Json;
using Cresset.Nn;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// Files that keep a matrix apart from what its numbers mean: 8-bit floats with scales (ComfyUI's <c>scale_weight</c> and
/// <c>weight_scale</c>), bitsandbytes' NF4, FP4 and int8, optimum-quanto's int8 and float8. Behind this they are sources like any other: a
/// weight has one key and its full shape, stays as it is stored, and means what its maker meant.
/// </summary>
internal static class StoredWeights
{
    private const string Weight = ".weight";

    // Scales of activations matter to kernels that multiply in 8 bits; here activations keep their precision.
    private static readonly string[] Unneeded = [".scale_input", ".input_scale", ".output_scale", ".weight_format", ".comfy_quant"];

    /// <summary>The source itself where nothing is kept apart; otherwise one over it, which owns it.</summary>
    /// <exception cref="InvalidDataException">A storage is not known, or its parts do not fit together.</exception>
    public static ITensorSource Resolve(ITensorSource source)
    {
        try
        {
            return Behind(source);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    private static ITensorSource Behind(ITensorSource source)
    {
        var entries = source.Entries;
        if (!entries.Any(e => IsMark(e.Key) || e.Value.Dtype is SafetensorsDtype.F8E4M3 or SafetensorsDtype.F8E5M2)) return source;
        var result = new VirtualSource(source.Path, source);
        var used = new HashSet<string>(entries.Keys.Where(k => k == "scaled_fp8" || k.EndsWith(".scaled_fp8", StringComparison.Ordinal)));
        foreach (var key in entries.Keys.Where(k => k.EndsWith(".comfy_quant", StringComparison.Ordinal))) CheckComfy(source, key);
        foreach (var key in entries.Keys)
        {
            if (key.EndsWith(Weight, StringComparison.Ordinal)) AddWeight(result, source, key, used);
            else if (key.EndsWith(Weight + "._data", StringComparison.Ordinal)) AddQuanto(result, source, key, used);
        }
        foreach (var (key, entry) in entries)
        {
            if (used.Contains(key) || (IsWeight(key) && result.Entries.ContainsKey(Name(key)))) continue;
            if (Array.Find(Unneeded, u => key.EndsWith(u, StringComparison.Ordinal)) is { } ending
                && result.Entries.ContainsKey(key[..^ending.Length] + Weight)) continue;
            if (entry.Dtype is SafetensorsDtype.F8E4M3 or SafetensorsDtype.F8E5M2 && entry.Shape.Count > 0)
                AddFloat8(result, source, key, key, null);
            else result.Add(key, source, key);
        }
        return result;
    }

    private static bool IsWeight(string key) =>
        key.EndsWith(Weight, StringComparison.Ordinal) || key.EndsWith(Weight + "._data", StringComparison.Ordinal);

    private static string Name(string key) => key.EndsWith("._data", StringComparison.Ordinal) ? key[..^"._data".Length] : key;

    private static bool IsMark(string key) =>
        key.EndsWith(".scale_weight", StringComparison.Ordinal) || key.EndsWith(".weight_scale", StringComparison.Ordinal)
        || key.EndsWith("scaled_fp8", StringComparison.Ordinal) || key.EndsWith(".weight.absmax", StringComparison.Ordinal)
        || key.EndsWith(".SCB", StringComparison.Ordinal)
        || key.EndsWith(".comfy_quant", StringComparison.Ordinal) || key.EndsWith(".weight._data", StringComparison.Ordinal)
        || key.EndsWith(".weight_scale_inv", StringComparison.Ordinal);

    private static void AddWeight(VirtualSource result, ITensorSource source, string key, HashSet<string> used)
    {
        var entries = source.Entries;
        var stem = key[..^Weight.Length];
        if (entries.ContainsKey(key + ".absmax"))
        {
            AddNibbles(result, source, key, used);
            return;
        }
        if (entries.ContainsKey(stem + ".SCB"))
        {
            var rows = Scale(source, stem + ".SCB", entries[key].Shape);
            used.Add(stem + ".SCB");
            // bitsandbytes: the largest magnitude of a row is stored, and 127 stands for it.
            AddBytes(result, source, key, key, BlockFormat.Int8, () => Divided(rows(), 127));
            return;
        }
        foreach (var ending in new[] { ".weight_scale_2", ".weight_scale_inv" })
        {
            if (entries.ContainsKey(stem + ending))
                throw new InvalidDataException(
                    $"{source.Path}: '{stem + ending}' belongs to a storage that is not read "
                        + $"({(ending == ".weight_scale_2" ? "NVFP4" : "float8 with a scale for each square of weights")}). Use a file in "
                        + $"bf16, fp16, fp8, NF4 or GGUF.");
        }
        var scale = new[] { ".scale_weight", ".weight_scale" }.Select(e => stem + e).FirstOrDefault(entries.ContainsKey);
        if (scale is null)
        {
            RefuseUnknownScale(source, key, stem);
            return;
        }
        used.Add(scale);
        var scales = Scale(source, scale, entries[key].Shape);
        switch (entries[key].Dtype)
        {
            case SafetensorsDtype.F8E4M3 or SafetensorsDtype.F8E5M2:
                AddFloat8(result, source, key, key, scales);
                break;
            case SafetensorsDtype.I8:
                AddBytes(result, source, key, key, BlockFormat.Int8, scales);
                break;
            case SafetensorsDtype.F32 or SafetensorsDtype.F16 or SafetensorsDtype.BF16:
                // A layer that its maker left as it was has a scale too.
                var count = entries[key].Shape.Count;
                result.Add(key, source, key, entries[key].Shape,
                    t => t.to(ScalarType.Float32).mul(scales().view([-1, .. Enumerable.Repeat(1L, count - 1)])).to(t.dtype));
                break;
            default:
                throw new InvalidDataException(
                    $"{source.Path}: '{key}' of type {entries[key].Dtype} has the scale '{scale}'; scales of F8_E4M3, F8_E5M2 and I8 are "
                        + $"read.");
        }
    }

    /// <summary>Numbers of 8 bits beside which something stands that nobody knows are most likely scaled by it: read plainly they would be
    /// noise.</summary>
    private static void RefuseUnknownScale(ITensorSource source, string key, string stem)
    {
        if (source.Entries[key].Dtype is not (SafetensorsDtype.F8E4M3 or SafetensorsDtype.F8E5M2 or SafetensorsDtype.I8)) return;
        foreach (var other in source.Entries.Keys)
        {
            if (!other.StartsWith(stem + ".", StringComparison.Ordinal) || other == key) continue;
            var name = other[(stem.Length + 1)..];
            // What has a dot of its own belongs to a layer inside.
            if (name == "bias" || (name.Contains('.', StringComparison.Ordinal) && !name.StartsWith("weight.", StringComparison.Ordinal))
                || Array.Exists(Unneeded, u => other.EndsWith(u, StringComparison.Ordinal))) continue;
            throw new InvalidDataException(
                $"{source.Path}: '{other}' stands beside '{key}' of type {source.Entries[key].Dtype} and is not known; it may be its "
                    + $"scale, without which the weight means nothing. Use a file in bf16, fp16, fp8 with scale_weight, NF4 or GGUF.");
        }
    }

    private static void AddQuanto(VirtualSource result, ITensorSource source, string key, HashSet<string> used)
    {
        var name = Name(key);
        var scale = name + "._scale";
        var entry = source.Entries[key];
        if (!source.Entries.ContainsKey(scale)
            || entry.Dtype is not (SafetensorsDtype.I8 or SafetensorsDtype.F8E4M3 or SafetensorsDtype.F8E5M2))
            throw new InvalidDataException(
                $"{source.Path}: '{key}' of type {entry.Dtype} is optimum-quanto's in a form that is not read; qint8, qfloat8 are.");
        used.UnionWith([key, scale]);
        var scales = Scale(source, scale, entry.Shape);
        if (entry.Dtype == SafetensorsDtype.I8) AddBytes(result, source, name, key, BlockFormat.Int8, scales);
        else AddFloat8(result, source, name, key, scales);
    }

    private static void AddFloat8(VirtualSource result, ITensorSource source, string name, string key, Func<Tensor>? scales)
        => AddBytes(result, source, name, key,
            source.Entries[key].Dtype == SafetensorsDtype.F8E5M2 ? BlockFormat.Float8E5M2 : BlockFormat.Float8E4M3, scales);

    private static void AddBytes(VirtualSource result, ITensorSource source, string name, string key, BlockFormat format,
        Func<Tensor>? scales)
    {
        var entry = source.Entries[key];
        long rows = entry.Shape[0], columns = entry.Shape.Skip(1).Aggregate(1L, (a, b) => a * b);
        PackedWeight Pack()
        {
            using var scope = NewDisposeScope();
            var scale = scales?.Invoke();
            return new PackedWeight(format, Bytes(source, key).view(rows, columns), columns, scale,
                scale is null ? 0 : scale.numel() == 1 ? rows * columns : columns);
        }
        // 8-bit floats without a scale are exact in bfloat16.
        var dtype = scales is null ? SafetensorsDtype.BF16 : SafetensorsDtype.F32;
        result.Add(name, dtype, entry.Shape, () =>
        {
            using var packed = Pack();
            using var whole = packed.ToTensor(scales is null ? ScalarType.BFloat16 : ScalarType.Float32);
            return whole.view([.. entry.Shape]);
        }, entry.Shape.Count == 2 ? Pack : null, (format.Name + (scales is null ? "" : " scaled"), entry.Length));
    }

    // bitsandbytes: two numbers a byte, the largest magnitude of each block, and the block's size and the matrix's shape as JSON in a
    // tensor.
    private static void AddNibbles(VirtualSource result, ITensorSource source, string key, HashSet<string> used)
    {
        var state = source.Entries.Keys.FirstOrDefault(k => k.StartsWith(key + ".quant_state.bitsandbytes__", StringComparison.Ordinal))
            ?? throw new InvalidDataException(
                $"{source.Path}: '{key}' has an absmax, but no quant_state that names bitsandbytes' storage.");
        var kind = state[(key + ".quant_state.bitsandbytes__").Length..];
        JsonElement settings;
        try
        {
            using var document = JsonDocument.Parse(Encoding.UTF8.GetString(Managed(source, state)));
            settings = document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{source.Path}: '{state}' is not valid JSON: {error.Message}", error);
        }
        long[] shape = settings.TryGetProperty("shape", out var dimensions) && dimensions.ValueKind == JsonValueKind.Array
            ? [.. dimensions.EnumerateArray().Select(d => d.GetInt64())] : [];
        long block = ConfigJson.Int(settings, "blocksize", 64);
        if (shape.Length != 2 || shape[0] < 1 || shape[1] < 1 || shape[1] % 2 != 0 || block < 1
            || source.Entries[key].Count * 2 != shape[0] * shape[1])
            throw new InvalidDataException(
                $"{source.Path}: '{state}' gives '{key}' the shape [{string.Join(", ", shape)}] in blocks of {block}, which its "
                    + $"{source.Entries[key].Count} bytes do not fill.");
        string[] parts = [".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map"];
        used.UnionWith(parts.Select(p => key + p));
        used.UnionWith([key, state]);
        var nested = source.Entries.ContainsKey(key + ".nested_absmax");
        PackedWeight Pack()
        {
            using var scope = NewDisposeScope();
            var table = source.Map(key + ".quant_map").to(ScalarType.Float32).view(-1).data<float>().ToArray();
            if (table.Length != 16)
                throw new InvalidDataException($"{source.Path}: '{key}.quant_map' has {table.Length} values; 4-bit numbers need 16.");
            var scales = source.Map(key + ".absmax").view(-1);
            if (nested)
            {
                // The magnitudes are themselves numbers of 8 bits in blocks, around their mean.
                var inner = source.Map(key + ".nested_quant_map").to(ScalarType.Float32).view(-1)
                    .index_select(0, scales.to(ScalarType.Int64));
                var every = ConfigJson.Int(settings, "nested_blocksize", 256);
                var outer = source.Map(key + ".nested_absmax").to(ScalarType.Float32).view(-1).repeat_interleave(every)
                    .narrow(0, 0, inner.numel());
                scales = inner.mul(outer).add(ConfigJson.Number(settings, "nested_offset", 0));
            }
            return new PackedWeight(BlockFormat.Nibbles(kind.ToUpperInvariant(), table), Bytes(source, key).view(shape[0], shape[1] / 2),
                shape[1], scales.to(ScalarType.Float32).contiguous(), block);
        }
        result.Add(key, SafetensorsDtype.F32, shape, () =>
        {
            using var packed = Pack();
            return packed.ToTensor(ScalarType.Float32);
        }, Pack,
        (kind.ToUpperInvariant(),
            source.Entries[key].Length + parts.Sum(p => source.Entries.TryGetValue(key + p, out var e) ? e.Length : 0)));
    }

    private static void CheckComfy(ITensorSource source, string key)
    {
        try
        {
            using var document = JsonDocument.Parse(Encoding.UTF8.GetString(Managed(source, key)));
            var format = ConfigJson.Text(document.RootElement, "format");
            if (format is "float8_e4m3fn" or "float8_e5m2" or "int8_tensorwise") return;
            throw new InvalidDataException(
                $"{source.Path}: '{key}' says the layer is stored as {format}; read are float8_e4m3fn, float8_e5m2 and int8_tensorwise.");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{source.Path}: '{key}' is not valid JSON: {error.Message}", error);
        }
    }

    // One factor, or one per row.
    private static Func<Tensor> Scale(ITensorSource source, string key, IReadOnlyList<long> weight)
    {
        var entry = source.Entries[key];
        if (weight.Count == 0 || (entry.Count != 1 && entry.Count != weight[0]))
            throw new InvalidDataException(
                $"{source.Path}: '{key}' has the shape [{string.Join(", ", entry.Shape)}] for a weight of [{string.Join(", ", weight)}]; "
                    + $"one scale or one for each row is read.");
        return () => source.Map(key).to(ScalarType.Float32).reshape(-1).contiguous();
    }

    private static Tensor Divided(Tensor scales, double by) => scales.div(by);

    private static Tensor Bytes(ITensorSource source, string key) => source is IStoredBytes stored ? stored.MapBytes(key)
        : throw new InvalidDataException($"{source.Path}: '{key}' cannot be read as stored bytes from a file of this kind.");

    private static byte[] Managed(ITensorSource source, string key)
    {
        using var bytes = Bytes(source, key);
        return bytes.bytes.ToArray();
    }
}
