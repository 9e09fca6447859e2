using System.Text.Json;
using static Cresset.Diffusion.ConfigJson;

namespace Cresset.Diffusion;

/// <summary>Reads the config.json files of a diffusers folder into options records.</summary>
internal static class SdConfig
{
    public static MmDitOptions Transformer(JsonElement c, string path)
    {
        Kind(c, path, "SD3Transformer2DModel");
        var d = new MmDitOptions();
        var options = d with
        {
            SampleSize = Int(c, "sample_size", d.SampleSize),
            PatchSize = Int(c, "patch_size", d.PatchSize),
            InChannels = Int(c, "in_channels", d.InChannels),
            OutChannels = Int(c, "out_channels", Int(c, "in_channels", d.OutChannels)),
            Layers = Int(c, "num_layers", 18),
            HeadDim = Int(c, "attention_head_dim", d.HeadDim),
            Heads = Int(c, "num_attention_heads", 18),
            TextWidth = Int(c, "joint_attention_dim", d.TextWidth),
            PooledWidth = Int(c, "pooled_projection_dim", d.PooledWidth),
            PositionTableSize = Int(c, "pos_embed_max_size", 96),
            QkNorm = QkNorm(c, path),
            DualAttentionLayers = Ints(c, "dual_attention_layers") ?? [],
        };
        var caption = Int(c, "caption_projection_dim", options.Width);
        if (caption != options.Width)
            throw new InvalidDataException(
                $"{path}: caption_projection_dim is {caption}, but num_attention_heads * attention_head_dim is {options.Width}; they must "
                    + $"be equal.");
        return options;
    }

    public static VaeOptions Autoencoder(JsonElement c, string path)
    {
        Kind(c, path, "AutoencoderKL");
        if (Text(c, "act_fn") is { } activation and not ("silu" or "swish"))
            throw new InvalidDataException($"{path}: act_fn is \"{activation}\"; known is \"silu\".");
        if (!Flag(c, "mid_block_add_attention", true))
            throw new InvalidDataException($"{path}: mid_block_add_attention is false; autoencoders without it are not read.");
        if (Int(c, "out_channels", 3) is var made && Int(c, "in_channels", 3) is var read && made != read)
            throw new InvalidDataException($"{path}: in_channels is {read} and out_channels {made}; they must be equal.");
        var d = new VaeOptions();
        return d with
        {
            ImageChannels = Int(c, "in_channels", d.ImageChannels),
            LatentChannels = Int(c, "latent_channels", 4),
            BlockChannels = Ints(c, "block_out_channels") ?? d.BlockChannels,
            LayersPerBlock = Int(c, "layers_per_block", 1),
            NormGroups = Int(c, "norm_num_groups", d.NormGroups),
            SampleSize = Int(c, "sample_size", d.SampleSize),
            ScalingFactor = Number(c, "scaling_factor", 0.18215),
            ShiftFactor = Number(c, "shift_factor", 0),
            QuantConvolution = Flag(c, "use_quant_conv", true),
            PostQuantConvolution = Flag(c, "use_post_quant_conv", true),
        };
    }

    public static ClipTextOptions Clip(JsonElement c, string path)
    {
        var d = new ClipTextOptions();
        var activation = Text(c, "hidden_act") ?? "quick_gelu";
        return d with
        {
            VocabularySize = Int(c, "vocab_size", d.VocabularySize),
            Positions = Int(c, "max_position_embeddings", d.Positions),
            Width = Int(c, "hidden_size", 512),
            Layers = Int(c, "num_hidden_layers", d.Layers),
            Heads = Int(c, "num_attention_heads", 8),
            MlpWidth = Int(c, "intermediate_size", 2048),
            ProjectionWidth = Int(c, "projection_dim", 512),
            NormEpsilon = Number(c, "layer_norm_eps", d.NormEpsilon),
            EndTokenId = Int(c, "eos_token_id", 49407),
            Activation = activation switch
            {
                "quick_gelu" => ClipActivation.QuickGelu,
                "gelu" => ClipActivation.Gelu,
                _ => throw new InvalidDataException($"{path}: hidden_act is \"{activation}\"; known are \"quick_gelu\" and \"gelu\"."),
            },
        };
    }

    public static T5EncoderOptions T5(JsonElement c, string path)
    {
        if (Text(c, "feed_forward_proj") is { } feedForward && feedForward != "gated-gelu")
            throw new InvalidDataException($"{path}: feed_forward_proj is \"{feedForward}\"; only T5 1.1's \"gated-gelu\" is known.");
        var d = new T5EncoderOptions();
        return d with
        {
            VocabularySize = Int(c, "vocab_size", d.VocabularySize),
            Width = Int(c, "d_model", 512),
            Layers = Int(c, "num_layers", 6),
            Heads = Int(c, "num_heads", 8),
            HeadDim = Int(c, "d_kv", 64),
            MlpWidth = Int(c, "d_ff", 2048),
            NormEpsilon = Number(c, "layer_norm_epsilon", d.NormEpsilon),
            Buckets = Int(c, "relative_attention_num_buckets", d.Buckets),
            MaxDistance = Int(c, "relative_attention_max_distance", d.MaxDistance),
        };
    }

    public static ControlNetOptions ControlNet(JsonElement c, string path)
    {
        Kind(c, path, "SD3ControlNetModel");
        var readsText = !(c.TryGetProperty("joint_attention_dim", out var joint) && joint.ValueKind == JsonValueKind.Null);
        // Without text its own width is that of the streams.
        var width = Int(c, "num_attention_heads", 18) * Int(c, "attention_head_dim", 64);
        var sizes = new MmDitOptions
        {
            SampleSize = Int(c, "sample_size", 128),
            PatchSize = Int(c, "patch_size", 2),
            InChannels = Int(c, "in_channels", 16),
            OutChannels = Int(c, "out_channels", 16),
            Layers = Int(c, "num_layers", 18),
            HeadDim = Int(c, "attention_head_dim", 64),
            Heads = Int(c, "num_attention_heads", 18),
            TextWidth = Int(c, "joint_attention_dim", width),
            PooledWidth = Int(c, "pooled_projection_dim", 2048),
            PositionTableSize = Int(c, "pos_embed_max_size", 96),
            QkNorm = QkNorm(c, path),
            DualAttentionLayers = Ints(c, "dual_attention_layers") ?? [],
        };
        return new ControlNetOptions
        {
            Transformer = sizes,
            ReadsText = readsText,
            HasPatches = Flag(c, "use_pos_embed", true),
            ExtraChannels = Int(c, "extra_conditioning_channels", 0),
            ZeroPooled = Flag(c, "force_zeros_for_pooled_projection", true),
        };
    }

    private static bool QkNorm(JsonElement c, string path)
    {
        var kind = Text(c, "qk_norm");
        return kind switch
        {
            null => false,
            "rms_norm" => true,
            _ => throw new InvalidDataException($"{path}: qk_norm is \"{kind}\"; known are null and \"rms_norm\"."),
        };
    }
}
