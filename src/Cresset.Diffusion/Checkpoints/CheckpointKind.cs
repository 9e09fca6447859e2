using Cresset.Tensors;

namespace Cresset.Diffusion;

/// <summary>What a file of tensors looks like, judged by its keys; for messages that say what was given instead.</summary>
internal static class CheckpointKind
{
    public const string Lora = "a LoRA adapter";

    private const string LoKr = "a LyCORIS adapter (LoKr)";

    private const string LoHa = "a LyCORIS adapter (LoHa)";

    private static readonly (string Part, string Kind)[] Signs =
    [
        ("lokr_w", LoKr),
        ("hada_w", LoHa),
        ("lora_A", Lora),
        ("lora_down", Lora),
        ("lora.down", Lora),
        ("lora_linear_layer.down", Lora),
        (".qweight", "a checkpoint in GPTQ's or AWQ's 4 bits, which are not read"),
        ("joint_blocks.", "a Stable Diffusion 3 single file"),
        ("controlnet_blocks.", "a ControlNet"),
        ("double_blocks.", "a FLUX transformer"),
        ("single_transformer_blocks.", "a FLUX transformer (diffusers layout)"),
        ("conditioner.embedders.1.model.", "a Stable Diffusion XL single file"),
        ("cond_stage_model.", "a Stable Diffusion 1 or 2 single file"),
        ("model.diffusion_model.input_blocks.", "a Stable Diffusion 1, 2 or XL network"),
        ("down_blocks.0.attentions.", "a U-Net of Stable Diffusion 1, 2 or XL (diffusers layout)"),
        ("transformer_blocks.0.attn.add_q_proj", "a Stable Diffusion 3 transformer (diffusers layout)"),
        ("decoder.up_blocks.", "an autoencoder (diffusers layout)"),
        ("decoder.up.", "an autoencoder"),
        ("enc.blk.0.", "a T5 text encoder with llama.cpp's names"),
        ("SelfAttention.relative_attention_bias", "a T5 text encoder"),
        ("vision_model.", "a CLIP model with its vision half"),
        ("text_model.encoder.", "a CLIP text encoder"),
        ("model.layers.0.self_attn.", "a language model"),
    ];

    public static bool IsAdapter(ITensorSource source) => Of(source) is Lora or LoKr or LoHa;

    public static string Of(ITensorSource source)
    {
        foreach (var (part, kind) in Signs)
        {
            if (source.Entries.Keys.Any(k => k.Contains(part, StringComparison.Ordinal))) return kind;
        }
        return source.Entries.Count == 0 ? "an empty file" : $"none of the kinds known (its first key is '{source.Entries.Keys.First()}')";
    }
}
