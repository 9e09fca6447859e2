using System.Globalization;
using System.Text.RegularExpressions;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>The two families of names of LoRA files, and the original layout's stacked layers, brought to the folder layout.</summary>
internal static partial class LoraKeys
{
    private static readonly (string Down, string Up)[] Suffixes =
    [
        (".lora_A.weight", ".lora_B.weight"),
        (".lora_A.default.weight", ".lora_B.default.weight"),
        (".lora_down.weight", ".lora_up.weight"),
        (".lora.down.weight", ".lora.up.weight"),
        (".lora_linear_layer.down.weight", ".lora_linear_layer.up.weight"),
        ("_lora.down.weight", "_lora.up.weight"),
    ];

    private static readonly string[] Prefixes = ["base_model.model.", "transformer.", "model.diffusion_model.", "diffusion_model."];

    private static readonly string[] UnderscorePrefixes = ["lora_transformer_", "lora_unet_"];

    private static readonly string[] NamesWithUnderscores = ["transformer_blocks", "joint_blocks", "context_block", "x_block", "to_q", "to_k", "to_v", "to_out", "to_add_out", "add_q_proj", "add_k_proj", "add_v_proj", "ff_context", "norm1_context", "adaLN_modulation", "context_embedder", "proj_out", "norm_out", "time_text_embed", "timestep_embedder", "text_embedder", "linear_1", "linear_2", "pos_embed", "x_embedder", "t_embedder", "y_embedder", "final_layer"];

    public static List<LoraPair> Read(ITensorSource source)
    {
        var pairs = new List<LoraPair>();
        try
        {
            Read(source, pairs);
            return pairs;
        }
        catch
        {
            foreach (var pair in pairs)
            {
                pair.Down.Dispose();
                pair.Up.Dispose();
            }
            throw;
        }
    }

    private static void Read(ITensorSource source, List<LoraPair> pairs)
    {
        var used = new HashSet<string>();
        var alphas = LoraHeader.Alphas(source);
        foreach (var key in source.Entries.Keys)
        {
            var suffix = Array.Find(Suffixes, s => key.EndsWith(s.Down, StringComparison.Ordinal));
            if (suffix.Down is null) continue;
            var stem = key[..^suffix.Down.Length];
            var up = stem + suffix.Up;
            if (!source.Entries.ContainsKey(up)) throw new InvalidDataException($"{source.Path}: '{key}' has no partner '{up}'.");
            var alpha = source.Entries.ContainsKey(stem + ".alpha") ? Scalar(source, stem + ".alpha") : (double?)null;
            used.UnionWith([key, up, stem + ".alpha"]);
            var (part, target) = LoraPartNames.TextLayer(stem) ?? (LoraPart.Transformer, Target(stem));
            using var scope = NewDisposeScope();
            var down = source.Read(key);
            Add(pairs, source, part, target, down, source.Read(up), alpha ?? alphas(part, target, down.size(0)));
        }
        if (pairs.Count == 0) throw new InvalidDataException($"{source.Path} holds no LoRA: it looks like {CheckpointKind.Of(source)}.");
        var rest = source.Entries.Keys.Where(k => !used.Contains(k)).ToList();
        if (rest.Count > 0) throw new InvalidDataException($"{source.Path}: '{rest[0]}'{(rest.Count > 1 ? $" and {rest.Count - 1} more keys are" : " is")} no half of a pair that is known{(rest[0].Contains("dora_scale", StringComparison.Ordinal) || rest[0].Contains("magnitude_vector", StringComparison.Ordinal) ? " (DoRA is not supported)" : "")}.");
        var twice = pairs.GroupBy(p => (p.Part, p.Target)).FirstOrDefault(g => g.Count() > 1);
        if (twice is not null) throw new InvalidDataException($"{source.Path} changes '{twice.Key.Target}' of {LoraPartNames.Words(twice.Key.Part)} twice, under two names.");
    }

    // Runs inside a scope; what is kept leaves it.
    private static void Add(List<LoraPair> pairs, ITensorSource source, LoraPart part, string target, Tensor down, Tensor up, double? alpha)
    {
        if (down.dim() != 2 || up.dim() != 2 || down.size(0) != up.size(1)) throw new InvalidDataException($"{source.Path}: the pair for '{target}' has the shapes {Shape.Text(down)} and {Shape.Text(up)}; expected [rank, in] and [out, rank].");
        var match = part == LoraPart.Transformer ? Original().Match(target) : Match.Empty;
        if (match.Success && StackedName(match.Groups[2].Value) is { } parts)
        {
            var rows = up.size(0) / 3;
            for (var i = 0; i < 3; i++) Keep($"transformer_blocks.{match.Groups[1].Value}.{parts[i]}", down.clone(), up.narrow(0, i * rows, rows).clone());
            return;
        }
        var name = match.Success ? PlainName(match) : part == LoraPart.Transformer ? Outside(target) : target;
        if (part == LoraPart.Transformer && IsSwapped(target, down, up))
        {
            var half = up.size(0) / 2;
            up = cat([up.narrow(0, half, half), up.narrow(0, 0, half)], 0);
        }
        Keep(name, down, up);

        void Keep(string layer, Tensor a, Tensor b) => pairs.Add(new LoraPair(layer, a.DetachFromDisposeScope(), b.DetachFromDisposeScope(), alpha ?? a.size(0), part));
    }

    // Modulations with two parts alone (the last layer, the text half of the last block) store shift before scale in the original layout.
    private static bool IsSwapped(string target, Tensor down, Tensor up)
        => target == "final_layer.adaLN_modulation.1" || (target.StartsWith("joint_blocks.", StringComparison.Ordinal) && target.EndsWith(".context_block.adaLN_modulation.1", StringComparison.Ordinal) && up.size(0) == 2 * down.size(1));

    private static string Target(string stem)
    {
        foreach (var prefix in UnderscorePrefixes)
        {
            if (stem.StartsWith(prefix, StringComparison.Ordinal)) return LoraPartNames.ToDots(stem[prefix.Length..], NamesWithUnderscores);
        }
        foreach (var prefix in Prefixes)
        {
            if (stem.StartsWith(prefix, StringComparison.Ordinal)) stem = stem[prefix.Length..];
        }
        stem = stem.Replace(".processor.", ".", StringComparison.Ordinal);
        return stem.EndsWith(".to_out", StringComparison.Ordinal) ? stem + ".0" : stem;
    }

    private static string[]? StackedName(string rest) => rest switch
    {
        "x_block.attn.qkv" => ["attn.to_q", "attn.to_k", "attn.to_v"],
        "context_block.attn.qkv" => ["attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"],
        "x_block.attn2.qkv" => ["attn2.to_q", "attn2.to_k", "attn2.to_v"],
        _ => null,
    };

    private static string PlainName(Match match) => $"transformer_blocks.{match.Groups[1].Value}." + match.Groups[2].Value switch
    {
        "x_block.attn.proj" => "attn.to_out.0",
        "context_block.attn.proj" => "attn.to_add_out",
        "x_block.attn2.proj" => "attn2.to_out.0",
        "x_block.mlp.fc1" => "ff.net.0.proj",
        "x_block.mlp.fc2" => "ff.net.2",
        "context_block.mlp.fc1" => "ff_context.net.0.proj",
        "context_block.mlp.fc2" => "ff_context.net.2",
        "x_block.adaLN_modulation.1" => "norm1.linear",
        "context_block.adaLN_modulation.1" => "norm1_context.linear",
        var other => other,
    };

    private static string Outside(string target) => target switch
    {
        "final_layer.linear" => "proj_out",
        "final_layer.adaLN_modulation.1" => "norm_out.linear",
        "t_embedder.mlp.0" => "time_text_embed.timestep_embedder.linear_1",
        "t_embedder.mlp.2" => "time_text_embed.timestep_embedder.linear_2",
        "y_embedder.mlp.0" => "time_text_embed.text_embedder.linear_1",
        "y_embedder.mlp.2" => "time_text_embed.text_embedder.linear_2",
        _ => target,
    };

    private static double Scalar(ITensorSource source, string key)
    {
        using var scope = NewDisposeScope();
        return source.Read(key).to(ScalarType.Float64).reshape(-1)[0].item<double>();
    }

    [GeneratedRegex(@"^joint_blocks\.(\d+)\.(.+)$")]
    private static partial Regex Original();
}
