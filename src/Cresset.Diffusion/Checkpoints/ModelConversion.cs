using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// Converts checkpoints between diffusers' folders, Stability's single files and GGUF, tensor by tensor and without running them.
/// </summary>
public static class ModelConversion
{
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

    /// <summary>
    /// Writes the networks of a single file as a diffusers folder, with configurations derived from the shapes; those of a folder with its
    /// own configurations, schedule and tokenizers. A new folder has its name when all of it is written.
    /// </summary>
    /// <param name="path">The file, safetensors or GGUF, or the folder.</param>
    /// <param name="folder">The folder to write.</param>
    /// <param name="options">Where tokenizers lie that the folder should carry, and the shift.</param>
    /// <param name="dtype">Element type to store; null keeps each tensor's own.</param>
    /// <param name="maxShardBytes">Largest shard.</param>
    public static void ToFolder(string path, string folder, LoadOptions? options = null, ScalarType? dtype = null,
        long maxShardBytes = 10_000_000_000)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        options ??= new LoadOptions();
        using var parts = OpenParts(path, withText: true);
        var found = parts.Parts;
        if (found.Transformer is null) throw new InvalidDataException($"{path} holds no Stable Diffusion 3 transformer.");
        foreach (var part in new[] { found.Transformer, found.Vae, found.ClipL, found.ClipG, found.T5 }) RefuseLoss(part, dtype);
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any())
        {
            new FolderWriter(path, target, found, options, dtype, maxShardBytes).Write();
            return;
        }
        var unfinished = $"{target}.{Environment.ProcessId}.{Guid.NewGuid():N}.tmp";
        try
        {
            new FolderWriter(path, unfinished, found, options, dtype, maxShardBytes).Write();
            if (Directory.Exists(target)) Directory.Delete(target);
            Directory.Move(unfinished, target);
        }
        catch
        {
            if (Directory.Exists(unfinished)) Directory.Delete(unfinished, recursive: true);
            throw;
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
    internal static Dictionary<string, Tensor> Tensors(ITensorSource source, ScalarType? dtype)
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
}
