namespace Cresset.Diffusion;

/// <summary>The config.json files of a diffusers folder from options records.</summary>
internal static class SdConfigWriter
{
    public static Dictionary<string, object?> Transformer(MmDitOptions o) => new()
    {
        ["_class_name"] = "SD3Transformer2DModel",
        ["attention_head_dim"] = o.HeadDim,
        ["caption_projection_dim"] = o.Width,
        ["dual_attention_layers"] = o.DualAttentionLayers,
        ["in_channels"] = o.InChannels,
        ["joint_attention_dim"] = o.TextWidth,
        ["num_attention_heads"] = o.Heads,
        ["num_layers"] = o.Layers,
        ["out_channels"] = o.OutChannels,
        ["patch_size"] = o.PatchSize,
        ["pooled_projection_dim"] = o.PooledWidth,
        ["pos_embed_max_size"] = o.PositionTableSize,
        ["qk_norm"] = o.QkNorm ? "rms_norm" : null,
        ["sample_size"] = o.SampleSize,
    };

    public static Dictionary<string, object?> Vae(VaeOptions o) => new()
    {
        ["_class_name"] = "AutoencoderKL",
        ["act_fn"] = "silu",
        ["block_out_channels"] = o.BlockChannels,
        ["down_block_types"] = Enumerable.Repeat("DownEncoderBlock2D", o.BlockChannels.Count),
        ["force_upcast"] = true,
        ["in_channels"] = o.ImageChannels,
        ["latent_channels"] = o.LatentChannels,
        ["layers_per_block"] = o.LayersPerBlock,
        ["mid_block_add_attention"] = true,
        ["norm_num_groups"] = o.NormGroups,
        ["out_channels"] = o.ImageChannels,
        ["sample_size"] = o.SampleSize,
        ["scaling_factor"] = o.ScalingFactor,
        ["shift_factor"] = o.ShiftFactor,
        ["up_block_types"] = Enumerable.Repeat("UpDecoderBlock2D", o.BlockChannels.Count),
        ["use_post_quant_conv"] = o.PostQuantConvolution,
        ["use_quant_conv"] = o.QuantConvolution,
    };

    public static Dictionary<string, object?> Clip(ClipTextOptions o) => new()
    {
        ["architectures"] = new[] { "CLIPTextModelWithProjection" },
        ["eos_token_id"] = o.EndTokenId,
        ["hidden_act"] = o.Activation == ClipActivation.Gelu ? "gelu" : "quick_gelu",
        ["hidden_size"] = o.Width,
        ["layer_norm_eps"] = o.NormEpsilon,
        ["intermediate_size"] = o.MlpWidth,
        ["max_position_embeddings"] = o.Positions,
        ["model_type"] = "clip_text_model",
        ["num_attention_heads"] = o.Heads,
        ["num_hidden_layers"] = o.Layers,
        ["projection_dim"] = o.ProjectionWidth,
        ["vocab_size"] = o.VocabularySize,
    };

    public static Dictionary<string, object?> T5(T5EncoderOptions o) => new()
    {
        ["architectures"] = new[] { "T5EncoderModel" },
        ["d_ff"] = o.MlpWidth,
        ["d_kv"] = o.HeadDim,
        ["d_model"] = o.Width,
        ["feed_forward_proj"] = "gated-gelu",
        ["layer_norm_epsilon"] = o.NormEpsilon,
        ["model_type"] = "t5",
        ["num_heads"] = o.Heads,
        ["num_layers"] = o.Layers,
        ["relative_attention_max_distance"] = o.MaxDistance,
        ["relative_attention_num_buckets"] = o.Buckets,
        ["vocab_size"] = o.VocabularySize,
    };

    public static Dictionary<string, object?> Index(SingleFileParts parts) =>
        Index(parts.Transformer, parts.Vae, parts.ClipL, parts.ClipG, parts.T5, new EulerSamplerOptions());

    /// <summary>The index of a folder with the parts that are not null.</summary>
    public static Dictionary<string, object?> Index(object? transformer, object? vae, object? clipL, object? clipG, object? t5,
        SamplerOptions sampler)
    {
        static string?[] Part(object? part, string library, string name) => part is null ? [null, null] : [library, name];
        return new()
        {
            ["_class_name"] = "StableDiffusion3Pipeline",
            ["scheduler"] = new[] { "diffusers", SchedulerConfig.NameOf(sampler) },
            ["text_encoder"] = Part(clipL, "transformers", "CLIPTextModelWithProjection"),
            ["text_encoder_2"] = Part(clipG, "transformers", "CLIPTextModelWithProjection"),
            ["text_encoder_3"] = Part(t5, "transformers", "T5EncoderModel"),
            ["tokenizer"] = Part(clipL, "transformers", "CLIPTokenizer"),
            ["tokenizer_2"] = Part(clipG, "transformers", "CLIPTokenizer"),
            ["tokenizer_3"] = Part(t5, "transformers", "T5TokenizerFast"),
            ["transformer"] = Part(transformer, "diffusers", "SD3Transformer2DModel"),
            ["vae"] = Part(vae, "diffusers", "AutoencoderKL"),
        };
    }
}
