using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>The networks inside one file: each part as a source in the folder layout, or null where it is absent.</summary>
internal sealed record SingleFileParts(ITensorSource? Transformer, ITensorSource? Vae, ITensorSource? ClipL, ITensorSource? ClipG,
    ITensorSource? T5);

/// <summary>Finds Stability's networks in a single file, whole or in parts, whatever prefixes its keys carry.</summary>
internal static class SingleFile
{
    private const string TransformerPrefix = "model.diffusion_model.", VaePrefix = "first_stage_model.";
    private static readonly string[] EncoderPrefixes = ["text_encoders.", "conditioner.embedders.", ""];

    public static SingleFileParts Open(ITensorSource source)
    {
        var transformer = Sub(source, TransformerPrefix)
            ?? (source.Entries.Keys.Any(k => k.StartsWith("joint_blocks.", StringComparison.Ordinal)) ? Only(source, "") : null);
        var vae = Sub(source, VaePrefix) ?? (source.Entries.ContainsKey("decoder.up.0.block.0.norm1.weight") ? Only(source, "") : null);
        ITensorSource? folder = transformer is null
            ? source.Entries.Keys.Any(k => k.StartsWith("transformer_blocks.", StringComparison.Ordinal)) ? Only(source, "") : null
            : OriginalTransformer.ToFolder(transformer);
        ITensorSource? autoencoder = vae is null
            ? source.Entries.Keys.Any(k => k.StartsWith("decoder.up_blocks.", StringComparison.Ordinal)) ? Only(source, "") : null
            : OriginalVae.ToFolder(vae);
        ITensorSource? clipL = Encoder(source, "clip_l");
        ITensorSource? clipG = Encoder(source, "clip_g");
        ITensorSource? t5 = Encoder(source, "t5xxl");
        // Separate encoder files carry no prefix; their widths tell them apart.
        if (clipL is null && clipG is null && source.Entries.TryGetValue("text_model.embeddings.token_embedding.weight", out var tokens))
        {
            if (tokens.Shape[^1] == 1280) clipG = source;
            else clipL = source;
        }
        if (t5 is null && source.Entries.ContainsKey("encoder.block.0.layer.0.SelfAttention.q.weight")) t5 = source;
        if (t5 is null && source.Entries.ContainsKey("enc.blk.0.attn_q.weight")) t5 = LlamaT5.ToFolder(source);
        return new SingleFileParts(folder, autoencoder, clipL is null ? null : WithProjection(clipL),
            clipG is null ? null : WithProjection(clipG), t5 is null ? null : WithShared(t5));
    }

    /// <summary>Lays networks out in the keys of one original file.</summary>
    public static VirtualSource Join(string path, SingleFileParts parts)
    {
        var result = new VirtualSource(path);
        void Add(string prefix, ITensorSource? part, Func<string, bool>? keep = null)
        {
            if (part is null) return;
            foreach (var key in part.Entries.Keys)
            {
                if (keep is null || keep(key)) result.Add(prefix + key, part, key);
            }
        }
        Add(TransformerPrefix, parts.Transformer is null ? null : OriginalTransformer.ToOriginal(parts.Transformer));
        Add(VaePrefix, parts.Vae is null ? null : OriginalVae.ToOriginal(parts.Vae));
        // CLIP-L's projection is the identity and is not stored there.
        Add("text_encoders.clip_l.transformer.", parts.ClipL, key => key != "text_projection.weight");
        Add("text_encoders.clip_g.transformer.", parts.ClipG);
        Add("text_encoders.t5xxl.transformer.", parts.T5);
        return result;
    }

    /// <summary>CLIP with an identity where no projection is stored.</summary>
    public static ITensorSource WithProjection(ITensorSource source)
    {
        if (source.Entries.ContainsKey("text_projection.weight")
            || !source.Entries.TryGetValue("text_model.final_layer_norm.weight", out var norm)) return source;
        var result = Only(source, "");
        result.Add("text_projection.weight", norm.Dtype, [norm.Shape[0], norm.Shape[0]], () =>
        {
            using var scope = NewDisposeScope();
            using var like = source.Map("text_model.final_layer_norm.weight");
            return eye(norm.Shape[0], dtype: like.dtype).MoveToOuterDisposeScope();
        });
        return result;
    }

    /// <summary>T5 with its token table under the name "shared.weight", whichever of its two names is stored.</summary>
    public static ITensorSource WithShared(ITensorSource source)
    {
        const string shared = "shared.weight", embedded = "encoder.embed_tokens.weight";
        if (!source.Entries.ContainsKey(embedded)) return source;
        var result = new VirtualSource(source.Path);
        foreach (var key in source.Entries.Keys)
        {
            if (key != embedded) result.Add(key, source, key);
        }
        if (!source.Entries.ContainsKey(shared)) result.Add(shared, source, embedded);
        return result;
    }

    /// <summary>Keys of a file that holds several networks which belong to none of them.</summary>
    public static IReadOnlyList<string> Strays(ITensorSource source)
    {
        if (!source.Entries.Keys.Any(k => k.StartsWith(TransformerPrefix, StringComparison.Ordinal))) return [];
        string[] known = [TransformerPrefix, VaePrefix,
            .. EncoderPrefixes.SelectMany(p => new[] { $"{p}clip_l.", $"{p}clip_g.", $"{p}t5xxl." })];
        return [.. source.Entries.Keys.Where(k => !known.Any(p => k.StartsWith(p, StringComparison.Ordinal)))];
    }

    private static VirtualSource? Encoder(ITensorSource source, string name)
    {
        foreach (var prefix in EncoderPrefixes)
        {
            if ((Sub(source, $"{prefix}{name}.transformer.") ?? Sub(source, $"{prefix}{name}.")) is { } found) return found;
        }
        return null;
    }

    private static VirtualSource? Sub(ITensorSource source, string prefix) =>
        source.Entries.Keys.Any(k => k.StartsWith(prefix, StringComparison.Ordinal)) ? Only(source, prefix) : null;

    private static VirtualSource Only(ITensorSource source, string prefix)
    {
        var result = new VirtualSource(source.Path);
        foreach (var key in source.Entries.Keys)
        {
            if (key.StartsWith(prefix, StringComparison.Ordinal)) result.Add(key[prefix.Length..], source, key);
        }
        return result;
    }
}
