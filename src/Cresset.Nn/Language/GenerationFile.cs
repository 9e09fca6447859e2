using System.Globalization;
using System.Text.Json;
using Cresset.Numerics;

namespace Cresset.Nn;

/// <summary>How a folder of a Hugging Face model says that its tokens are drawn.</summary>
internal static class GenerationFile
{
    // Settings that change which tokens come, each with the value at which it does nothing.
    private static readonly (string Name, double Idle)[] Numbers =
    [
        ("num_beams", 1), ("num_beam_groups", 1), ("min_p", 0), ("top_h", 0), ("typical_p", 1), ("epsilon_cutoff", 0), ("eta_cutoff", 0),
        ("penalty_alpha", 0), ("diversity_penalty", 0), ("no_repeat_ngram_size", 0), ("encoder_no_repeat_ngram_size", 0),
        ("encoder_repetition_penalty", 1), ("min_length", 0), ("min_new_tokens", 0), ("guidance_scale", 1),
    ];

    private static readonly string[] Rules =
    [
        "bad_words_ids", "force_words_ids", "constraints", "suppress_tokens", "begin_suppress_tokens", "sequence_bias",
        "forced_bos_token_id", "forced_eos_token_id", "exponential_decay_length_penalty", "stop_strings", "watermarking_config",
        "dola_layers", "token_healing",
    ];

    public static TokenChoice Read(string folder)
    {
        var (modelPath, path) = (Path.Combine(folder, "config.json"), Path.Combine(folder, "generation_config.json"));
        if (!File.Exists(modelPath))
            throw new FileNotFoundException($"{modelPath} is missing; needed is the folder of a Hugging Face model.");
        using var modelFile = FolderConfig.Parse(modelPath);
        var model = new FolderConfig(modelFile.RootElement, modelPath);
        using var ownFile = File.Exists(path) ? FolderConfig.Parse(path) : null;
        var c = ownFile is null ? model : new FolderConfig(ownFile.RootElement, path);
        if (c.Root.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException($"{c.Path} is damaged: it holds {c.Root.GetRawText()}, and not a map of settings.");
        RefuseWhatIsNotDone(c);
        var choice = new TokenChoice
        {
            Temperature = c.Flag("do_sample", false) ? c.Real("temperature", 1) : 0,
            // What transformers takes where nothing is said.
            TopK = c.Has("top_k") && c.Real("top_k", 0) == 0 ? 0 : (int)c.Number("top_k", 50),
            TopP = c.Real("top_p", 1),
            RepetitionPenalty = c.Real("repetition_penalty", 1),
            Ends = Ends(c) is { Count: > 0 } own ? own : Ends(model),
        };
        foreach (var end in choice.Ends)
        {
            if (model.Number("vocab_size") is var vocabulary && (end < 0 || end >= vocabulary))
                throw new InvalidDataException(
                    $"{(Ends(c).Count > 0 ? c : model).Path}: eos_token_id is {end}; allowed are the tokens of {modelPath}, 0 to "
                        + $"{vocabulary - 1}.");
        }
        var problems = choice.Validate().ToList();
        return problems.Count == 0 ? choice : throw new InvalidDataException($"{c.Path}: {problems[0]}");
    }

    private static void RefuseWhatIsNotDone(FolderConfig c)
    {
        foreach (var (name, idle) in Numbers)
        {
            if (c.Real(name, idle) is var value && value != idle)
                throw new InvalidDataException(
                    string.Create(CultureInfo.InvariantCulture,
                        $"{c.Path}: {name} is {value}, which is not done here; say how tokens are drawn with a TokenChoice of your own, or "
                            + $"take {name} out of the file."));
        }
        foreach (var name in Rules)
        {
            if (c.Has(name) && c.Root.GetProperty(name).GetRawText() is var value && value is not ("[]" or "{}" or "false"))
                throw new InvalidDataException(
                    $"{c.Path}: {name} is {value}, which is not done here; say how tokens are drawn with a TokenChoice of your own, or "
                        + $"take {name} out of the file.");
        }
    }

    // One number, or several.
    private static IReadOnlyList<long> Ends(FolderConfig c)
    {
        if (!c.Has("eos_token_id")) return [];
        var given = c.Root.GetProperty("eos_token_id");
        var ends = new List<long>();
        foreach (var one in given.ValueKind == JsonValueKind.Array ? given.EnumerateArray().ToList() : [given])
        {
            ends.Add(one.ValueKind == JsonValueKind.Number && one.TryGetInt64(out var end) ? end
                : throw new InvalidDataException(
                    $"{c.Path}: eos_token_id is {given.GetRawText()}; allowed is a token's number, or a list."));
        }
        return ends;
    }
}
