using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Language models as Hugging Face's folders hold them: <c>config.json</c> beside safetensors files. LLaMA, Mistral, Qwen2, Qwen3 and
/// GPT-2; what a configuration asks for and is not done here is refused by its name.
/// </summary>
public static class DecoderFolder
{
    /// <summary>Builds the model and loads its weights, in evaluation mode; element types become float32.</summary>
    /// <param name="folder">Holds config.json and model.safetensors, or an index of several files.</param>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="InvalidDataException">The configuration is damaged, or of a kind that is not known.</exception>
    /// <exception cref="CheckpointException">Weights are missing, left over, or of another shape.</exception>
    public static DecoderTransformer Load(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var path = Path.Combine(folder, "config.json");
        if (!File.Exists(path)) throw new FileNotFoundException($"{path} is missing; needed is the folder of a Hugging Face model.");
        using var json = FolderConfig.Parse(path);
        var config = new FolderConfig(json.RootElement, path);
        var kind = config.Text("model_type");
        var (vocabulary, options) = kind switch
        {
            "gpt2" => Gpt2(config),
            "llama" or "mistral" or "qwen2" or "qwen3" => Llama(config, kind),
            _ => throw new InvalidDataException(
                $"{path}: the model type '{kind}' is not known; llama, mistral, qwen2, qwen3 and gpt2 are."),
        };
        var model = new DecoderTransformer(vocabulary, options);
        try
        {
            using var scope = NewDisposeScope();
            using var source = Weights(folder);
            if (kind == "gpt2") StateDict.Load(model, Gpt2Weights(source, options));
            else StateDict.Load(model, source,
                keys: KeyMap.Identity.StripPrefix("model.")
                    .Then(key => options.Tied && key == "lm_head.weight" || key.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal)
                        ? null : key));
            model.eval();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>
    /// How the folder says that tokens are drawn, as transformers' <c>generate</c> does without being told otherwise:
    /// <c>generation_config.json</c>, or where there is none <c>config.json</c>. Where neither says <c>do_sample</c> that is the likeliest
    /// token each time (<see cref="TokenChoice.Temperature"/> 0); <see cref="TokenChoice.Ends"/> are all of <c>eos_token_id</c>. Lengths
    /// are not taken over: <see cref="TokenChoice.Continue"/> asks for one.
    /// </summary>
    /// <param name="folder">Holds config.json and in most cases generation_config.json.</param>
    /// <exception cref="FileNotFoundException">There is no config.json.</exception>
    /// <exception cref="InvalidDataException">
    /// A file is damaged, asks for what is not done here (beams, tokens that are forbidden), or names an end outside the vocabulary.
    /// </exception>
    public static TokenChoice Choice(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return GenerationFile.Read(folder);
    }

    private static (long Vocabulary, DecoderOptions Options) Llama(FolderConfig c, string kind)
    {
        var turn = c.Real("rope_theta", 10_000);
        // Since version 5 of transformers angles and stretching stand together.
        foreach (var name in new[] { "rope_scaling", "rope_parameters" })
        {
            if (!c.Has(name)) continue;
            var rope = c.Inner(name);
            if ((rope.Optional("rope_type") ?? rope.Optional("type") ?? (name == "rope_parameters" ? "default" : null)) is var way
                && way != "default")
                throw new InvalidDataException($"{c.Path}: {name} '{way}' stretches positions, which is not done here.");
            turn = rope.Real("rope_theta", turn);
            Whole(rope);
        }
        Whole(c);
        var context = c.Number("max_position_embeddings");
        // Beyond the window the answers would be others: the context ends there.
        // Mistral's window is 4,096 unless the file says another, or none.
        if (kind == "mistral" && !c.Names("sliding_window")) context = Math.Min(context, 4096);
        else if (c.Has("sliding_window") && (kind == "mistral" || c.Flag("use_sliding_window", false)))
            context = Math.Min(context, c.Number("sliding_window"));
        var activation = c.Optional("hidden_act") ?? "silu";
        if (activation != "silu") throw new InvalidDataException($"{c.Path}: hidden_act is '{activation}'; silu is known.");
        return (c.Number("vocab_size"), new DecoderOptions
        {
            Layers = (int)c.Number("num_hidden_layers"),
            Heads = (int)c.Number("num_attention_heads"),
            KeyValueHeads = (int)c.Number("num_key_value_heads", 0),
            HeadWidth = (int)c.Number("head_dim", 0),
            Width = (int)c.Number("hidden_size"),
            Context = (int)Math.Min(context, 1 << 20),
            Positions = new RotaryPositions { Base = turn },
            NormEpsilon = c.Real("rms_norm_eps", 1e-6),
            QkNorm = kind == "qwen3",
            QkvBias = kind == "qwen2" || c.Flag("attention_bias", false),
            OutputBias = kind != "qwen2" && c.Flag("attention_bias", false),
            FeedForward = new FeedForwardOptions { Hidden = c.Number("intermediate_size"), Bias = c.Flag("mlp_bias", false) },
            Tied = c.Flag("tie_word_embeddings", false),
        });
    }

    private static void Whole(FolderConfig c)
    {
        if (c.Real("partial_rotary_factor", 1) is var part && part != 1)
            throw new InvalidDataException(string.Create(System.Globalization.CultureInfo.InvariantCulture,
                $"{c.Path}: partial_rotary_factor is {part}; heads are turned whole here."));
    }

    private static (long Vocabulary, DecoderOptions Options) Gpt2(FolderConfig c)
    {
        var activation = c.Optional("activation_function") ?? "gelu_new";
        if (activation != "gelu_new")
            throw new InvalidDataException($"{c.Path}: activation_function is '{activation}'; gelu_new is known.");
        if (!c.Flag("scale_attn_weights", true))
            throw new InvalidDataException($"{c.Path}: scale_attn_weights is false; scores are divided by the root of the width here.");
        foreach (var name in new[] { "scale_attn_by_inverse_layer_idx", "add_cross_attention" })
        {
            if (c.Flag(name, false)) throw new InvalidDataException($"{c.Path}: {name} is true, which is not done here.");
        }
        return (c.Number("vocab_size"), new DecoderOptions
        {
            Layers = (int)c.Number("n_layer"),
            Heads = (int)c.Number("n_head"),
            Width = (int)c.Number("n_embd"),
            Context = (int)c.Number("n_positions"),
            Positions = new LearnedPositions(),
            Norm = new LayerNormOptions(),
            NormEpsilon = c.Real("layer_norm_epsilon", 1e-5),
            QkvBias = true,
            OutputBias = true,
            FeedForward = new FeedForwardOptions { Activation = "gelu_tanh", Gated = false, Bias = true, Hidden = c.Number("n_inner", 0) },
            Tied = c.Flag("tie_word_embeddings", true),
        });
    }

    // GPT-2's layers are [in, out], and queries, keys and values lie in one.
    private static Dictionary<string, Tensor> Gpt2Weights(ITensorSource source, DecoderOptions options)
    {
        var prefix = source.Entries.Keys.Any(k => k.StartsWith("transformer.", StringComparison.Ordinal)) ? "transformer." : "";
        var weights = new Dictionary<string, Tensor>();
        var left = source.Entries.Keys.Where(k => !k.EndsWith(".attn.bias", StringComparison.Ordinal)
            && !k.EndsWith(".attn.masked_bias", StringComparison.Ordinal)).ToHashSet();
        Tensor Read(string key)
        {
            if (!source.Entries.ContainsKey(key)) throw new CheckpointException(source.Path, new LoadReport([], [key], [], []));
            left.Remove(key);
            return source.Read(key);
        }
        void Take(string from, string to) => weights[to] = Read(prefix + from);
        void Turned(string from, params string[] to)
        {
            Tensor[] weight = Read($"{prefix}{from}.weight").chunk(to.Length, 1), bias = Read($"{prefix}{from}.bias").chunk(to.Length, 0);
            for (var i = 0; i < to.Length; i++)
                (weights[to[i] + ".weight"], weights[to[i] + ".bias"]) = (weight[i].t().contiguous(), bias[i]);
        }
        Take("wte.weight", "embed_tokens.weight");
        Take("wpe.weight", "embed_positions.weight");
        foreach (var part in new[] { "weight", "bias" }) Take($"ln_f.{part}", $"norm.{part}");
        // A tied matrix may be there a second time.
        if (options.Tied) left.Remove("lm_head.weight");
        else weights["lm_head.weight"] = Read("lm_head.weight");
        for (var n = 0; n < options.Layers; n++)
        {
            string from = $"h.{n}.", to = $"layers.{n}.";
            foreach (var part in new[] { "weight", "bias" })
            {
                Take($"{from}ln_1.{part}", $"{to}input_layernorm.{part}");
                Take($"{from}ln_2.{part}", $"{to}post_attention_layernorm.{part}");
            }
            Turned(from + "attn.c_attn", to + "self_attn.q_proj", to + "self_attn.k_proj", to + "self_attn.v_proj");
            Turned(from + "attn.c_proj", to + "self_attn.o_proj");
            Turned(from + "mlp.c_fc", to + "mlp.up_proj");
            Turned(from + "mlp.c_proj", to + "mlp.down_proj");
        }
        // What is left over is handed on, and refused by its name.
        foreach (var key in left) weights[key] = source.Read(key);
        return weights;
    }

    private static ITensorSource Weights(string folder)
    {
        var (one, many) = (Path.Combine(folder, "model.safetensors"), Path.Combine(folder, "model.safetensors.index.json"));
        if (File.Exists(many)) return SafetensorsShards.Open(many);
        return File.Exists(one) ? TensorFile.Open(one)
            : throw new FileNotFoundException($"{one} is missing, and so is {Path.GetFileName(many)}.");
    }
}
