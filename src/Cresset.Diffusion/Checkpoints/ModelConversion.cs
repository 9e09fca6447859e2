using System.Text.Json;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// Converts checkpoints between diffusers' folders, Stability's single files and GGUF, tensor by tensor and without running them.
/// </summary>
public static class ModelConversion
{
    private static readonly JsonSerializerOptions Format = new() { WriteIndented = true };

    /// <summary>Writes the networks of a diffusers folder as one original file.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="path">The safetensors file to write.</param>
    /// <param name="dtype">Element type to store; null keeps each tensor's own.</param>
    /// <param name="withText">Include the text encoders.</param>
    public static void ToSingleFile(string folder, string path, ScalarType? dtype = null, bool withText = true)
    {
        using var parts = OpenParts(folder, withText);
        using var scope = NewDisposeScope();
        using var joined = SingleFile.Join(folder, parts.Parts);
        SafetensorsWriter.Write(path, Tensors(joined, dtype),
            new Dictionary<string, string> { ["format"] = "pt", ["modelspec.architecture"] = "stable-diffusion-v3" });
    }

    /// <summary>Writes the transformer (of a folder or file) as GGUF in the original layout, as stable-diffusion.cpp reads it.</summary>
    public static void ToGguf(string source, string path, GgufStorage storage, CancellationToken cancellation = default)
    {
        using var parts = OpenParts(source, withText: false);
        if (parts.Parts.Transformer is null) throw new InvalidDataException($"{source} holds no Stable Diffusion 3 transformer.");
        using var original = OriginalTransformer.ToOriginal(parts.Parts.Transformer);
        GgufWriter.Write(path, original, storage, cancellation);
    }

    /// <summary>Writes the networks of a single file as a diffusers folder, with configurations derived from the shapes.</summary>
    /// <param name="path">The file, safetensors or GGUF.</param>
    /// <param name="folder">The folder to write.</param>
    /// <param name="options">Where tokenizers lie that the folder should carry, and the shift.</param>
    /// <param name="dtype">Element type to store; null keeps each tensor's own.</param>
    /// <param name="maxShardBytes">Largest shard.</param>
    public static void ToFolder(string path, string folder, LoadOptions? options = null, ScalarType? dtype = null,
        long maxShardBytes = 10_000_000_000)
    {
        options ??= new LoadOptions();
        using var parts = OpenParts(path, withText: true);
        var found = parts.Parts;
        if (found.Transformer is null) throw new InvalidDataException($"{path} holds no Stable Diffusion 3 transformer.");
        foreach (var part in new[] { found.Transformer, found.Vae, found.ClipL, found.ClipG, found.T5 }) RefuseLoss(part, dtype);
        using var scope = NewDisposeScope();
        var sizes = ShapeInference.Transformer(found.Transformer);
        Write(folder, "transformer", "diffusion_pytorch_model", found.Transformer, dtype, maxShardBytes, SdConfigWriter.Transformer(sizes));
        if (found.Vae is not null)
            Write(folder, "vae", "diffusion_pytorch_model", found.Vae, dtype, maxShardBytes,
                SdConfigWriter.Vae(ShapeInference.Autoencoder(found.Vae)));
        if (found.ClipL is not null)
            Write(folder, "text_encoder", "model", found.ClipL, dtype, maxShardBytes,
                SdConfigWriter.Clip(ShapeInference.Clip(found.ClipL, false, sizes.HeadDim)));
        if (found.ClipG is not null)
            Write(folder, "text_encoder_2", "model", found.ClipG, dtype, maxShardBytes,
                SdConfigWriter.Clip(ShapeInference.Clip(found.ClipG, true, sizes.HeadDim)));
        if (found.T5 is not null)
            Write(folder, "text_encoder_3", "model", found.T5, dtype, maxShardBytes, SdConfigWriter.T5(ShapeInference.T5(found.T5)));
        WriteJson(Path.Combine(folder, "scheduler", "scheduler_config.json"), SdConfigWriter.Schedule(options.Shift ?? 3));
        WriteJson(Path.Combine(folder, "model_index.json"), SdConfigWriter.Index(found));
        CopyClip(found.ClipL, options.ClipLTokenizerPath, Path.Combine(folder, "tokenizer"), padWithZero: false);
        CopyClip(found.ClipG, options.ClipGTokenizerPath, Path.Combine(folder, "tokenizer_2"), padWithZero: true);
        if (found.T5 is not null && options.T5TokenizerPath is { } model)
        {
            var target = Path.Combine(folder, "tokenizer_3");
            Directory.CreateDirectory(target);
            File.Copy(model, Path.Combine(target, "spiece.model"), overwrite: true);
        }
    }

    internal static OpenedParts OpenParts(string path, bool withText)
    {
        var owned = new List<IDisposable>();
        try
        {
            if (!Directory.Exists(path))
            {
                return One(ModelFiles.OpenFile(path));
            }
            // The folder of one network, such as vae/.
            if (File.Exists(Path.Combine(path, "config.json")) && !Directory.Exists(Path.Combine(path, "transformer")))
                return One(ModelFiles.OpenNetwork(path));
            OpenedParts One(ITensorSource source)
            {
                owned.Add(source);
                var parts = SingleFile.Open(source);
                return new OpenedParts(withText ? parts : parts with { ClipL = null, ClipG = null, T5 = null }, owned);
            }
            ITensorSource? Part(string name, string stem)
            {
                var folder = Path.Combine(path, name);
                if (!Directory.Exists(folder)) return null;
                var source = ModelFiles.Open(folder, stem);
                owned.Add(source);
                return source;
            }
            var clipL = withText ? Part("text_encoder", "model") : null;
            var clipG = withText ? Part("text_encoder_2", "model") : null;
            var t5 = withText ? Part("text_encoder_3", "model") : null;
            return new OpenedParts(
                new SingleFileParts(Part("transformer", "diffusion_pytorch_model"), Part("vae", "diffusion_pytorch_model"), clipL, clipG,
                    t5), owned);
        }
        catch
        {
            foreach (var source in owned) source.Dispose();
            throw;
        }
    }

    internal sealed record OpenedParts(SingleFileParts Parts, List<IDisposable> Owned) : IDisposable
    {
        public void Dispose()
        {
            foreach (var source in Owned) source.Dispose();
        }
    }

    // A folder is written network by network: what cannot be converted is refused before the first.
    private static void RefuseLoss(ITensorSource? source, ScalarType? dtype)
    {
        if (source is null || dtype is not { } type) return;
        foreach (var (key, entry) in source.Entries)
        {
            if (!entry.Dtype.IsFloating() || TensorCasts.KeepsAll(entry.Dtype.Scalar(), type)) continue;
            using var scope = NewDisposeScope();
            if (TensorCasts.Loss(source.Map(key), type) is { } loss)
                throw new NotSupportedException($"{source.Path}: '{key}' {loss}. Nothing was written; bf16 and fp32 reach to 3.4e38.");
        }
    }

    // Tensors stay mapped until they are written, so memory holds at most what the change of type makes.
    private static Dictionary<string, Tensor> Tensors(ITensorSource source, ScalarType? dtype)
    {
        var result = new Dictionary<string, Tensor>();
        foreach (var key in source.Entries.Keys)
        {
            var tensor = source.Map(key);
            result[key] = dtype is { } type && type != tensor.dtype && tensor.is_floating_point()
                ? TensorCasts.To(tensor, type, key, source.Path) : tensor;
        }
        return result;
    }

    private static void Write(string folder, string name, string stem, ITensorSource source, ScalarType? dtype, long maxShardBytes,
        Dictionary<string, object?> config)
    {
        using var scope = NewDisposeScope();
        var target = Path.Combine(folder, name);
        Directory.CreateDirectory(target);
        var tensors = Tensors(source, dtype);
        if (tensors.Values.Sum(t => t.numel() * t.element_size()) > maxShardBytes)
            SafetensorsWriter.WriteSharded(target, stem, tensors, maxShardBytes, new Dictionary<string, string> { ["format"] = "pt" });
        else SafetensorsWriter.Write(Path.Combine(target, stem + ".safetensors"), tensors,
            new Dictionary<string, string> { ["format"] = "pt" });
        WriteJson(Path.Combine(target, "config.json"), config);
    }

    private static void WriteJson(string path, Dictionary<string, object?> values) =>
        AtomicFile.WriteBytes(path, JsonSerializer.SerializeToUtf8Bytes(values, Format));

    private static void CopyClip(ITensorSource? encoder, string? from, string to, bool padWithZero)
    {
        if (encoder is null) return;
        Directory.CreateDirectory(to);
        if (from is null)
        {
            ClipTokenizer.Standard(padWithZero).Save(to);
            return;
        }
        foreach (var name in new[] { "vocab.json", "merges.txt", "tokenizer_config.json", "tokenizer.json" })
        {
            var file = Path.Combine(from, name);
            if (File.Exists(file)) File.Copy(file, Path.Combine(to, name), overwrite: true);
        }
    }
}
