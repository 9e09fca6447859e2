using System.Globalization;
using System.Text.RegularExpressions;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// The transformer's keys in Stability's single files against those of diffusers' folders. Queries, keys and values are stacked there, and
/// the two continuous modulations hold (shift, scale) where the folder holds (scale, shift).
/// </summary>
internal static partial class OriginalTransformer
{
    private static readonly (string Original, string Folder)[] Fixed =
    [
        ("x_embedder.proj", "pos_embed.proj"),
        ("t_embedder.mlp.0", "time_text_embed.timestep_embedder.linear_1"),
        ("t_embedder.mlp.2", "time_text_embed.timestep_embedder.linear_2"),
        ("y_embedder.mlp.0", "time_text_embed.text_embedder.linear_1"),
        ("y_embedder.mlp.2", "time_text_embed.text_embedder.linear_2"),
        ("context_embedder", "context_embedder"),
        ("final_layer.linear", "proj_out"),
    ];

    // Inside joint block N, original to folder.
    private static readonly (string Original, string Folder)[] Block =
    [
        ("x_block.attn.proj", "attn.to_out.0"),
        ("x_block.attn.ln_q", "attn.norm_q"),
        ("x_block.attn.ln_k", "attn.norm_k"),
        ("context_block.attn.proj", "attn.to_add_out"),
        ("context_block.attn.ln_q", "attn.norm_added_q"),
        ("context_block.attn.ln_k", "attn.norm_added_k"),
        ("x_block.attn2.proj", "attn2.to_out.0"),
        ("x_block.attn2.ln_q", "attn2.norm_q"),
        ("x_block.attn2.ln_k", "attn2.norm_k"),
        ("x_block.adaLN_modulation.1", "norm1.linear"),
        ("context_block.adaLN_modulation.1", "norm1_context.linear"),
        ("x_block.mlp.fc1", "ff.net.0.proj"),
        ("x_block.mlp.fc2", "ff.net.2"),
        ("context_block.mlp.fc1", "ff_context.net.0.proj"),
        ("context_block.mlp.fc2", "ff_context.net.2"),
    ];

    private static readonly (string Original, string[] Folder)[] Stacked =
    [
        ("x_block.attn.qkv", ["attn.to_q", "attn.to_k", "attn.to_v"]),
        ("context_block.attn.qkv", ["attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"]),
        ("x_block.attn2.qkv", ["attn2.to_q", "attn2.to_k", "attn2.to_v"]),
    ];

    /// <summary>Number of joint blocks among keys of the original layout.</summary>
    public static int Depth(IEnumerable<string> keys) => 1 + keys.Select(k => OriginalBlock().Match(k)).Where(m => m.Success)
        .Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).DefaultIfEmpty(-1).Max();

    /// <summary>Keys of the folder layout over a source in the original one (prefix already removed).</summary>
    public static VirtualSource ToFolder(ITensorSource source)
    {
        var depth = Depth(source.Entries.Keys);
        var result = new VirtualSource(source.Path);
        foreach (var (key, entry) in source.Entries)
        {
            if (key == "pos_embed")
            {
                result.Add("pos_embed.pos_embed", source, key);
                continue;
            }
            var (stem, suffix) = Split(key);
            if (stem == "final_layer.adaLN_modulation.1")
            {
                result.AddRows($"norm_out.linear.{suffix}", source, key, entry.Shape, SwapHalves);
                continue;
            }
            if (Array.Find(Fixed, f => f.Original == stem) is { Folder: { } name })
            {
                result.Add($"{name}.{suffix}", source, key);
                continue;
            }
            var match = OriginalBlock().Match(stem);
            if (!match.Success || !AddBlockKey(result, source, key, entry, match, suffix, depth)) result.Add(key, source, key);
        }
        return result;
    }

    /// <summary>Keys of the original layout over a source in the folder layout.</summary>
    public static VirtualSource ToOriginal(ITensorSource source)
    {
        var depth = 1 + source.Entries.Keys.Select(k => FolderBlock().Match(k)).Where(m => m.Success)
            .Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).DefaultIfEmpty(-1).Max();
        var result = new VirtualSource(source.Path);
        foreach (var (key, entry) in source.Entries)
        {
            if (key == "pos_embed.pos_embed")
            {
                result.Add("pos_embed", source, key);
                continue;
            }
            var (stem, suffix) = Split(key);
            if (stem == "norm_out.linear")
            {
                result.AddRows($"final_layer.adaLN_modulation.1.{suffix}", source, key, entry.Shape, SwapHalves);
                continue;
            }
            if (Array.Find(Fixed, f => f.Folder == stem) is { Original: { } name })
            {
                result.Add($"{name}.{suffix}", source, key);
                continue;
            }
            var match = FolderBlock().Match(stem);
            if (!match.Success)
            {
                result.Add(key, source, key);
                continue;
            }
            string block = $"joint_blocks.{match.Groups[1].Value}.", rest = match.Groups[2].Value;
            var stack = Array.Find(Stacked, s => s.Folder.Contains(rest));
            if (stack.Original is not null)
            {
                if (rest == stack.Folder[0])
                    Stack(result, source, $"{block}{stack.Original}.{suffix}",
                        [.. stack.Folder.Select(f => $"transformer_blocks.{match.Groups[1].Value}.{f}.{suffix}")]);
            }
            else if (Array.Find(Block, b => b.Folder == rest) is { Original: { } original })
            {
                var isLast = rest == "norm1_context.linear" && match.Groups[1].Value == (depth - 1).ToString(CultureInfo.InvariantCulture);
                Place(result, $"{block}{original}.{suffix}", source, key, isLast);
            }
            else
            {
                result.Add(key, source, key);
            }
        }
        return result;
    }

    private static bool AddBlockKey(VirtualSource result, ITensorSource source, string key, SafetensorsEntry entry, Match match,
        string suffix, int depth)
    {
        string block = $"transformer_blocks.{match.Groups[1].Value}.", rest = match.Groups[2].Value;
        if (Array.Find(Stacked, s => s.Original == rest) is { Folder: { } parts })
        {
            // What is not a matrix or bias (a scale that belongs to no weight, say) is left for the report on unexpected keys.
            if (entry.Shape.Count == 0) return false;
            var rows = entry.Shape[0] / 3;
            if (rows * 3 != entry.Shape[0])
                throw new InvalidDataException(
                    $"{source.Path}: '{key}' has {entry.Shape[0]} rows; stacked queries, keys and values need a multiple of 3.");
            for (var i = 0; i < 3; i++)
            {
                var start = i * rows;
                result.AddRows($"{block}{parts[i]}.{suffix}", source, key, [rows, .. entry.Shape.Skip(1)], t => t.narrow(0, start, rows));
            }
            return true;
        }
        if (Array.Find(Block, b => b.Original == rest) is not { Folder: { } name }) return false;
        var swaps = rest == "context_block.adaLN_modulation.1"
            && match.Groups[1].Value == (depth - 1).ToString(CultureInfo.InvariantCulture);
        Place(result, $"{block}{name}.{suffix}", source, key, swaps);
        return true;
    }

    private static void Place(VirtualSource result, string name, ITensorSource source, string key, bool swaps)
    {
        if (swaps) result.AddRows(name, source, key, source.Entries[key].Shape, SwapHalves);
        else result.Add(name, source, key);
    }

    private static void Stack(VirtualSource result, ITensorSource source, string name, string[] keys)
    {
        foreach (var key in keys)
        {
            if (!source.Entries.ContainsKey(key))
                throw new InvalidDataException($"{source.Path} lacks '{key}', which the original layout stacks with its neighbours.");
        }
        var entries = keys.Select(k => source.Entries[k]).ToArray();
        // The widest type of the three holds all of them.
        var dtype = entries.Select(e => e.Dtype).Distinct().Count() == 1 ? entries[0].Dtype : SafetensorsDtype.F32;
        result.Add(name, dtype, [entries.Sum(e => e.Shape[0]), .. entries[0].Shape.Skip(1)], () =>
        {
            using var scope = NewDisposeScope();
            var parts = keys.Select(source.Map).ToArray();
            if (parts.Select(p => p.dtype).Distinct().Count() > 1) parts = Array.ConvertAll(parts, p => p.to(ScalarType.Float32));
            return cat(parts, 0).MoveToOuterDisposeScope();
        });
    }

    internal static Tensor SwapHalves(Tensor t)
    {
        var half = t.size(0) / 2;
        return cat([t.narrow(0, half, half), t.narrow(0, 0, half)], 0);
    }

    private static (string Stem, string Suffix) Split(string key) =>
        key.LastIndexOf('.') is var dot && dot > 0 ? (key[..dot], key[(dot + 1)..]) : (key, "");

    [GeneratedRegex(@"^joint_blocks\.(\d+)\.(.+)$")]
    private static partial Regex OriginalBlock();

    [GeneratedRegex(@"^transformer_blocks\.(\d+)\.(.+)$")]
    private static partial Regex FolderBlock();
}
