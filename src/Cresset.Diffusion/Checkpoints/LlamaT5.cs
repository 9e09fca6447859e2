using System.Text.RegularExpressions;
using Cresset.Tensors;

namespace Cresset.Diffusion;

/// <summary>T5's encoder under the names that llama.cpp gives it in GGUF files.</summary>
internal static partial class LlamaT5
{
    private static readonly Dictionary<string, string> Inside = new()
    {
        ["attn_q"] = "layer.0.SelfAttention.q",
        ["attn_k"] = "layer.0.SelfAttention.k",
        ["attn_v"] = "layer.0.SelfAttention.v",
        ["attn_o"] = "layer.0.SelfAttention.o",
        ["attn_rel_b"] = "layer.0.SelfAttention.relative_attention_bias",
        ["attn_norm"] = "layer.0.layer_norm",
        ["ffn_gate"] = "layer.1.DenseReluDense.wi_0",
        ["ffn_up"] = "layer.1.DenseReluDense.wi_1",
        ["ffn_down"] = "layer.1.DenseReluDense.wo",
        ["ffn_norm"] = "layer.1.layer_norm",
    };

    public static VirtualSource ToFolder(ITensorSource source)
    {
        var result = new VirtualSource(source.Path);
        foreach (var key in source.Entries.Keys) result.Add(Name(key), source, key);
        return result;
    }

    private static string Name(string key)
    {
        if (key == "token_embd.weight") return "shared.weight";
        if (key == "enc.output_norm.weight") return "encoder.final_layer_norm.weight";
        var match = Block().Match(key);
        return match.Success && Inside.TryGetValue(match.Groups[2].Value, out var name)
            ? $"encoder.block.{match.Groups[1].Value}.{name}.weight" : key;
    }

    [GeneratedRegex(@"^enc\.blk\.(\d+)\.(\w+)\.weight$")]
    private static partial Regex Block();
}
