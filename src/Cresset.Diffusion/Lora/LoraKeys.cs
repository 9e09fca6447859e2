using System.Globalization;
using System.Text.RegularExpressions;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>What a file of an adapter holds. The lists own their tensors.</summary>
internal sealed record AdapterFile(List<LoraPair> Pairs, List<IWeightChange> Others, List<string> LeftOut);

/// <summary>The families of names of adapter files, and the original layout's stacked layers, brought to the folder layout.</summary>
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

    private static readonly string[] UnderscorePrefixes = ["lora_transformer_", "lora_unet_", "lycoris_"];

    private static readonly string[] MagnitudeSuffixes = [".dora_scale", ".lora_magnitude_vector", ".lora_magnitude_vector.weight",
        ".lora_magnitude_vector.default.weight"];

    private static readonly string[] NamesWithUnderscores = ["transformer_blocks", "joint_blocks", "context_block", "x_block", "to_q",
        "to_k", "to_v", "to_out", "to_add_out", "add_q_proj", "add_k_proj", "add_v_proj", "ff_context", "norm1_context", "adaLN_modulation",
        "context_embedder", "proj_out", "norm_out", "time_text_embed", "timestep_embedder", "text_embedder", "linear_1", "linear_2",
        "pos_embed", "x_embedder", "t_embedder", "y_embedder", "final_layer"];

    public static AdapterFile Read(ITensorSource source)
    {
        var file = new AdapterFile([], [], []);
        try
        {
            Read(source, file);
            return file;
        }
        catch
        {
            foreach (var change in file.Pairs.Concat(file.Others)) change.Dispose();
            throw;
        }
    }

    private static void Read(ITensorSource source, AdapterFile file)
    {
        var used = new HashSet<string>();
        var alphas = LoraHeader.Alphas(source);
        double? Alpha(string stem) => source.Entries.ContainsKey(stem + ".alpha") ? Scalar(source, stem + ".alpha") : null;
        string? Magnitude(string stem) => MagnitudeSuffixes.Select(m => stem + m).FirstOrDefault(source.Entries.ContainsKey);
        foreach (var key in source.Entries.Keys)
        {
            var suffix = Array.Find(Suffixes, s => key.EndsWith(s.Down, StringComparison.Ordinal));
            if (suffix.Down is null) continue;
            var stem = key[..^suffix.Down.Length];
            var up = stem + suffix.Up;
            if (!source.Entries.ContainsKey(up)) throw new InvalidDataException($"{source.Path}: '{key}' has no partner '{up}'.");
            var magnitude = Magnitude(stem);
            used.UnionWith([key, up, stem + ".alpha", magnitude ?? key]);
            var (part, target) = LoraPartNames.TextLayer(stem) ?? (LoraPart.Transformer, Target(stem));
            using var scope = NewDisposeScope();
            var down = source.Read(key);
            Add(file.Pairs, source, part, target, down, source.Read(up), Alpha(stem) ?? alphas(part, target, down.size(0)),
                magnitude is null ? null : source.Read(magnitude));
        }
        foreach (var stem in source.Entries.Keys.Select(Factored).OfType<string>().Distinct().ToList())
        {
            var magnitude = Magnitude(stem);
            if (FactorKeys(source, stem) is not { } keys) continue;
            used.UnionWith([.. keys.First, .. keys.Second, stem + ".alpha", magnitude ?? stem + ".alpha"]);
            var (part, target) = LoraPartNames.TextLayer(stem) ?? (LoraPart.Transformer, Target(stem));
            AddFactored(file.Others, source, part, target, keys, Alpha(stem), magnitude);
        }
        if (file.Pairs.Count + file.Others.Count == 0)
            throw new InvalidDataException($"{source.Path} holds no LoRA: it looks like {CheckpointKind.Of(source)}.");
        file.LeftOut.AddRange(source.Entries.Keys.Where(k => !used.Contains(k)));
        var twice = file.Pairs.Concat(file.Others).GroupBy(p => (p.Part, p.Target)).FirstOrDefault(g => g.Count() > 1);
        if (twice is not null)
            throw new InvalidDataException(
                $"{source.Path} changes '{twice.Key.Target}' of {LoraPartNames.Words(twice.Key.Part)} twice, under two names.");
    }

    private static string? Factored(string key)
    {
        var match = FactorName().Match(key);
        return match.Success ? match.Groups[1].Value : null;
    }

    // The keys of both matrices, each whole or as two factors; null where one is missing or a core tensor (Tucker) belongs to it.
    private static FactorNames? FactorKeys(ITensorSource source, string stem)
    {
        bool Has(string name) => source.Entries.ContainsKey(stem + name);
        foreach (var (prefix, core) in new[] { (".lokr_", new[] { ".lokr_t2" }), (".hada_", [".hada_t1", ".hada_t2"]) })
        {
            string[]? Of(string name) =>
                Has(prefix + name) ? [stem + prefix + name] : Has(prefix + name + "_a") && Has(prefix + name + "_b")
                    ? [stem + prefix + name + "_a", stem + prefix + name + "_b"] : null;
            if (!core.Any(Has) && Of("w1") is { } first && Of("w2") is { } second)
                return new FactorNames(prefix == ".lokr_", first, second);
        }
        return null;
    }

    private static void AddFactored(List<IWeightChange> changes, ITensorSource source, LoraPart part, string target, FactorNames keys,
        double? alpha, string? magnitude)
    {
        var match = part == LoraPart.Transformer ? Original().Match(target) : Match.Empty;
        List<(string Layer, Func<Tensor, Tensor> Rows)> layers;
        if (match.Success && StackedName(match.Groups[2].Value) is { } parts)
        {
            layers =
                [.. parts.Select(
                    (name, i) => ($"transformer_blocks.{match.Groups[1].Value}.{name}",
                        (Func<Tensor, Tensor>)(t => t.narrow(0, i * (t.size(0) / 3), t.size(0) / 3))))];
        }
        else
        {
            var swapped = part == LoraPart.Transformer && (target == "final_layer.adaLN_modulation.1" || IsLastText(target));
            Tensor Swap(Tensor t)
            {
                // Rows alone tell the last block's two parts from the six of the others: six times the columns there.
                if (target != "final_layer.adaLN_modulation.1" && t.size(0) != 2 * t.size(1)) return t;
                return cat([t.narrow(0, t.size(0) / 2, t.size(0) / 2), t.narrow(0, 0, t.size(0) / 2)], 0);
            }
            layers = [(match.Success ? PlainName(match) : part == LoraPart.Transformer ? Outside(target) : target,
                swapped ? Swap : t => t)];
        }
        if (magnitude is not null && part == LoraPart.Transformer && (target == "final_layer.adaLN_modulation.1" || IsLastText(target)))
            throw new InvalidDataException($"{source.Path}: magnitudes of '{target}' are read for LoRA only.");
        foreach (var (layer, rows) in layers)
        {
            using var scope = NewDisposeScope();
            List<Tensor> Tensors(string[] names) => [.. names.Select(n => source.Read(n).DetachFromDisposeScope())];
            List<Tensor> first = Tensors(keys.First), second = Tensors(keys.Second);
            try
            {
                var lengths = magnitude is null ? null : layers.Count > 1 && source.Entries[magnitude].Shape[0] > 1
                    ? rows(source.Read(magnitude)).clone() : source.Read(magnitude);
                changes.Add(
                    new FactoredChange(keys.IsKronecker, first, second, part, layer, alpha,
                        rows)
                    { Magnitude = lengths?.DetachFromDisposeScope() });
            }
            catch (Exception error) when (error is System.Runtime.InteropServices.ExternalException or ShapeException)
            {
                foreach (var tensor in first.Concat(second)) tensor.Dispose();
                var shapes = keys.First.Concat(keys.Second).Select(k => "[" + string.Join(", ", source.Entries[k].Shape) + "]");
                throw new InvalidDataException(
                    $"{source.Path}: the factors of '{target}' ({string.Join(", ", shapes)}) do not fit together.", error);
            }
        }
    }

    // Runs inside a scope; what is kept leaves it.
    private static void Add(List<LoraPair> pairs, ITensorSource source, LoraPart part, string target, Tensor down, Tensor up, double? alpha,
        Tensor? magnitude)
    {
        var kernel = down.dim() == 4 && up.dim() == 4 && up.size(2) == 1 && up.size(3) == 1;
        if ((!kernel && (down.dim() != 2 || up.dim() != 2)) || down.size(0) != up.size(1))
            throw new InvalidDataException(
                $"{source.Path}: the pair for '{target}' has the shapes {Shape.Text(down)} and {Shape.Text(up)}; expected [rank, in] and "
                    + $"[out, rank], or a convolution's [rank, in, k, k] and [out, rank, 1, 1].");
        var shape = kernel ? down.shape : null;
        if (kernel) (down, up) = (down.flatten(1), up.flatten(1));
        var match = part == LoraPart.Transformer ? Original().Match(target) : Match.Empty;
        if (match.Success && StackedName(match.Groups[2].Value) is { } parts)
        {
            var rows = up.size(0) / 3;
            // Lengths of columns hold for all three, those of rows are cut as the rows are.
            for (var i = 0; i < 3; i++)
                Keep($"transformer_blocks.{match.Groups[1].Value}.{parts[i]}", down.clone(), up.narrow(0, i * rows, rows).clone(),
                    magnitude is null || magnitude.size(0) == 1 ? magnitude?.clone() : magnitude.narrow(0, i * rows, rows).clone());
            return;
        }
        var name = match.Success ? PlainName(match) : part == LoraPart.Transformer ? Outside(target) : target;
        if (part == LoraPart.Transformer && IsSwapped(target, down, up))
        {
            var half = up.size(0) / 2;
            Tensor Swap(Tensor t) => t.size(0) != up.size(0) ? t : cat([t.narrow(0, half, half), t.narrow(0, 0, half)], 0);
            magnitude = magnitude is null ? null : Swap(magnitude);
            up = Swap(up);
        }
        Keep(name, down, up, magnitude);

        void Keep(string layer, Tensor a, Tensor b, Tensor? lengths)
            => pairs.Add(
                new LoraPair(layer, a.DetachFromDisposeScope(), b.DetachFromDisposeScope(), alpha ?? a.size(0),
                    part)
                { Magnitude = lengths?.DetachFromDisposeScope(), DownShape = shape });
    }

    // Modulations with two parts alone (the last layer, the text half of the last block) store shift before scale in the original layout.
    private static bool IsSwapped(string target, Tensor down, Tensor up)
        => target == "final_layer.adaLN_modulation.1" || (IsLastText(target) && up.size(0) == 2 * down.size(1));

    private static bool IsLastText(string target) =>
        target.StartsWith("joint_blocks.", StringComparison.Ordinal)
            && target.EndsWith(".context_block.adaLN_modulation.1", StringComparison.Ordinal);

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
        "x_embedder.proj" => "pos_embed.proj",
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

    private sealed record FactorNames(bool IsKronecker, string[] First, string[] Second);

    [GeneratedRegex(@"^(.+)\.(?:lokr|hada)_\w+$")]
    private static partial Regex FactorName();

    [GeneratedRegex(@"^joint_blocks\.(\d+)\.(.+)$")]
    private static partial Regex Original();
}
