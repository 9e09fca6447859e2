using System.Globalization;
using System.Text.RegularExpressions;
using Cresset.Tensors;

namespace Cresset.Diffusion;

/// <summary>
/// The autoencoder's keys in Stability's single files against those of diffusers' folders; attention there is a 1x1 convolution.
/// </summary>
internal static partial class OriginalVae
{
    private static readonly (string Original, string Folder)[] Middle =
    [
        ("mid.block_1.", "mid_block.resnets.0."),
        ("mid.block_2.", "mid_block.resnets.1."),
        ("mid.attn_1.norm.", "mid_block.attentions.0.group_norm."),
        ("mid.attn_1.q.", "mid_block.attentions.0.to_q."),
        ("mid.attn_1.k.", "mid_block.attentions.0.to_k."),
        ("mid.attn_1.v.", "mid_block.attentions.0.to_v."),
        ("mid.attn_1.proj_out.", "mid_block.attentions.0.to_out.0."),
    ];

    public static VirtualSource ToFolder(ITensorSource source)
    {
        var top = Top(source.Entries.Keys, Up());
        return Rename(source, key => FolderName(key, top),
            (shape, key) => key.Contains("mid.attn_1.", StringComparison.Ordinal) && shape.Count == 4 ? [shape[0], shape[1]] : shape);
    }

    public static VirtualSource ToOriginal(ITensorSource source)
    {
        var top = Top(source.Entries.Keys, UpBlock());
        return Rename(source, key => OriginalName(key, top),
            (shape, key) => key.Contains(".attentions.0.to_", StringComparison.Ordinal) && shape.Count == 2 ? [shape[0], shape[1], 1, 1]
                : shape);
    }

    private static VirtualSource Rename(ITensorSource source, Func<string, string> name,
        Func<IReadOnlyList<long>, string, IReadOnlyList<long>> shape)
    {
        var result = new VirtualSource(source.Path);
        foreach (var (key, entry) in source.Entries)
        {
            var target = shape(entry.Shape, key);
            result.Add(name(key), source, key, target, target.Count == entry.Shape.Count ? null : t => t.view([.. target]));
        }
        return result;
    }

    private static int Top(IEnumerable<string> keys, Regex pattern) => keys.Select(k => pattern.Match(k)).Where(m => m.Success)
        .Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).DefaultIfEmpty(0).Max();

    // Upward resolutions are counted from opposite ends.
    private static string FolderName(string key, int top)
    {
        key = Up().Replace(key, m => $"up_blocks.{top - int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)}.");
        key = Down().Replace(key, m => $"down_blocks.{m.Groups[1].Value}.");
        key = key.Replace(".block.", ".resnets.", StringComparison.Ordinal)
            .Replace(".downsample.", ".downsamplers.0.", StringComparison.Ordinal)
            .Replace(".upsample.", ".upsamplers.0.", StringComparison.Ordinal)
            .Replace(".nin_shortcut.", ".conv_shortcut.", StringComparison.Ordinal)
            .Replace("coder.norm_out.", "coder.conv_norm_out.", StringComparison.Ordinal);
        foreach (var (original, folder) in Middle) key = key.Replace(original, folder, StringComparison.Ordinal);
        return key;
    }

    private static string OriginalName(string key, int top)
    {
        foreach (var (original, folder) in Middle) key = key.Replace(folder, original, StringComparison.Ordinal);
        key = UpBlock().Replace(key, m => $"up.{top - int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)}.");
        key = DownBlock().Replace(key, m => $"down.{m.Groups[1].Value}.");
        return key.Replace(".resnets.", ".block.", StringComparison.Ordinal)
            .Replace(".downsamplers.0.", ".downsample.", StringComparison.Ordinal)
            .Replace(".upsamplers.0.", ".upsample.", StringComparison.Ordinal)
            .Replace(".conv_shortcut.", ".nin_shortcut.", StringComparison.Ordinal)
            .Replace("coder.conv_norm_out.", "coder.norm_out.", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"(?<=\.)up\.(\d+)\.")]
    private static partial Regex Up();

    [GeneratedRegex(@"(?<=\.)down\.(\d+)\.")]
    private static partial Regex Down();

    [GeneratedRegex(@"(?<=\.)up_blocks\.(\d+)\.")]
    private static partial Regex UpBlock();

    [GeneratedRegex(@"(?<=\.)down_blocks\.(\d+)\.")]
    private static partial Regex DownBlock();
}
