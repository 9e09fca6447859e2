using Cresset.Tensors;

namespace Cresset.Diffusion;

/// <summary>Opens a network's tensors: one file, shards with an index, or GGUF.</summary>
internal static class ModelFiles
{
    /// <summary>The weights in a folder, under the given stem or, failing that, in the only file there.</summary>
    public static ITensorSource Open(string folder, params string[] stems)
    {
        if (!Directory.Exists(folder)) throw new InvalidDataException($"The folder {folder} is not there.");
        foreach (var stem in stems)
        {
            foreach (var middle in new[] { "", ".fp16", ".bf16" })
            {
                var index = Path.Combine(folder, $"{stem}.safetensors.index{middle}.json");
                if (File.Exists(index)) return StoredWeights.Resolve(SafetensorsShards.Open(index));
                var single = Path.Combine(folder, $"{stem}{middle}.safetensors");
                if (File.Exists(single)) return StoredWeights.Resolve(SafetensorsFile.Open(single));
            }
        }
        var files = Directory.GetFiles(folder, "*.safetensors");
        if (files.Length == 1) return StoredWeights.Resolve(SafetensorsFile.Open(files[0]));
        var others = Directory.GetFiles(folder, "*.bin").Concat(Directory.GetFiles(folder, "*.pt")).ToList();
        throw new InvalidDataException(others.Count > 0
            ? $"{folder} holds {Path.GetFileName(others[0])} but no safetensors file; convert it first (for example with the checkpoint's "
                + $"safetensors variant)."
            : $"{folder} holds no weights: expected {string.Join(" or ", stems.Select(s => s + ".safetensors"))}, or an index of shards.");
    }

    /// <summary>One network: a file, or the folder of a network in the diffusers layout.</summary>
    public static ITensorSource OpenNetwork(string path) =>
        Directory.Exists(path) ? Open(path, "diffusion_pytorch_model", "model") : OpenFile(path);

    /// <summary>One file: safetensors, the index of shards, or GGUF.</summary>
    public static ITensorSource OpenFile(string path)
    {
        if (!File.Exists(path)) throw new FileNotFoundException($"{path} is not there.", path);
        if (path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)) return GgufFile.Open(path);
        if (path.EndsWith(".json", StringComparison.OrdinalIgnoreCase)) return StoredWeights.Resolve(SafetensorsShards.Open(path));
        return StoredWeights.Resolve(SafetensorsFile.Open(path));
    }
}
