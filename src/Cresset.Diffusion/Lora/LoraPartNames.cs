using System.Text.RegularExpressions;

namespace Cresset.Diffusion;

/// <summary>
/// How files name the networks and the layers of text encoders: diffusers (SD3LoraLoaderMixin; text_encoder_3 by analogy), kohya
/// (networks/lora_sd3.py) and the single file's own keys.
/// </summary>
internal static class LoraPartNames
{
    // Longer prefixes stand before those that they begin with.
    private static readonly (string Prefix, LoraPart Part)[] Dotted =
    [
        ("text_encoders.clip_l.transformer.", LoraPart.ClipL),
        ("text_encoders.clip_g.transformer.", LoraPart.ClipG),
        ("text_encoders.t5xxl.transformer.", LoraPart.T5),
        ("text_encoder.", LoraPart.ClipL),
        ("text_encoder_2.", LoraPart.ClipG),
        ("text_encoder_3.", LoraPart.T5),
    ];

    private static readonly (string Prefix, LoraPart Part)[] Underscored = [("lora_te1_", LoraPart.ClipL), ("lora_te2_", LoraPart.ClipG),
        ("lora_te3_", LoraPart.T5)];

    private static readonly string[] NamesWithUnderscores = ["text_model", "text_projection", "self_attn", "q_proj", "k_proj", "v_proj",
        "out_proj", "wi_0", "wi_1"];

    // The first files of diffusers named CLIP's layers after its own attention.
    private static readonly (string Old, string New)[] OldNames = [(".to_q", ".q_proj"), (".to_k", ".k_proj"), (".to_v", ".v_proj"),
        (".to_out", ".out_proj")];

    public static string Diffusers(LoraPart part) => part switch
    {
        LoraPart.Transformer => "transformer",
        LoraPart.ClipL => "text_encoder",
        LoraPart.ClipG => "text_encoder_2",
        _ => "text_encoder_3",
    };

    public static string Kohya(LoraPart part) => part switch
    {
        LoraPart.Transformer => "lora_transformer_",
        LoraPart.ClipL => "lora_te1_",
        LoraPart.ClipG => "lora_te2_",
        _ => "lora_te3_",
    };

    /// <summary>On the command line, as <c>sd3 inspect</c> names parts.</summary>
    public static string Option(LoraPart part) => part switch
    {
        LoraPart.Transformer => "transformer",
        LoraPart.ClipL => "clip-l",
        LoraPart.ClipG => "clip-g",
        _ => "t5",
    };

    /// <summary>In messages.</summary>
    public static string Words(LoraPart part) => part switch
    {
        LoraPart.Transformer => "the transformer",
        LoraPart.ClipL => "CLIP-L",
        LoraPart.ClipG => "CLIP-G",
        _ => "T5",
    };

    /// <summary>The text encoder and layer that a key names, or null for a layer of the transformer.</summary>
    public static (LoraPart Part, string Target)? TextLayer(string stem)
    {
        foreach (var (prefix, part) in Underscored)
        {
            if (stem.StartsWith(prefix, StringComparison.Ordinal)) return (part, ToDots(stem[prefix.Length..], NamesWithUnderscores));
        }
        foreach (var (prefix, part) in Dotted)
        {
            if (!stem.StartsWith(prefix, StringComparison.Ordinal)) continue;
            var target = stem[prefix.Length..].Replace(".processor.", ".", StringComparison.Ordinal);
            foreach (var (old, name) in OldNames)
            {
                if (target.EndsWith(".self_attn" + old, StringComparison.Ordinal)) target = target[..^old.Length] + name;
            }
            return (part, target);
        }
        return null;
    }

    /// <summary>Underscores stand for dots, but also belong to names: known names are put back first.</summary>
    public static string ToDots(string name, IEnumerable<string> namesWithUnderscores)
    {
        foreach (var w in namesWithUnderscores.OrderByDescending(w => w.Length))
            name = Regex.Replace(name, $"(?<![a-z0-9]){w}(?![a-z0-9])|(?<=_){w}(?=_|$)|^{w}(?=_|$)", w.Replace('_', '-'),
                RegexOptions.CultureInvariant);
        return name.Replace('_', '.').Replace('-', '_');
    }
}
