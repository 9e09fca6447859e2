using System.Text.Json;

namespace Cresset.Data;

/// <summary>A <c>tokenizer.json</c> of the tokenizers library.</summary>
internal static class TokenizerFile
{
    /// <summary>What it says, or a refusal by the name of what is not done here.</summary>
    public static TextFacts Read(string path)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            using var json = JsonDocument.Parse(bytes is [0xEF, 0xBB, 0xBF, ..] ? bytes.AsMemory(3) : bytes);
            var model = json.RootElement.GetProperty("model");
            if (model.TryGetProperty("type", out var type) && type.GetString() != "BPE")
                throw new InvalidDataException($"{path} holds a tokenizer of the type '{type}'; byte-level BPE can be read.");
            var numbers = model.GetProperty("vocab").EnumerateObject().ToDictionary(p => p.Value.GetInt32(), p => p.Name);
            // Special tokens may stand apart, behind the others.
            var special = new List<string>();
            if (json.RootElement.TryGetProperty("added_tokens", out var added) && added.ValueKind != JsonValueKind.Null)
            {
                foreach (var token in added.EnumerateArray())
                {
                    RefuseBlanks(token, path);
                    special.Add(token.GetProperty("content").GetString()!);
                    numbers.TryAdd(token.GetProperty("id").GetInt32(), special[^1]);
                }
            }
            var vocabulary = Enumerable.Range(0, numbers.Keys.Max() + 1)
                .Select(
                    i => numbers.TryGetValue(i, out var text) ? text : throw new InvalidDataException($"{path}: there is no token {i}."))
                    .ToList();
            var merges = model.GetProperty("merges").EnumerateArray()
                .Select(m => m.ValueKind == JsonValueKind.Array ? $"{m[0].GetString()} {m[1].GetString()}" : m.GetString()!).ToList();
            RefuseWhatIsNotDone(model, path);
            var (start, end) = PromptTemplate.Read(json.RootElement, path);
            return new TextFacts
            {
                Vocabulary = vocabulary,
                Merges = merges,
                Pattern = Pattern(json.RootElement, path),
                Special = special,
                WholeWords = model.TryGetProperty("ignore_merges", out var ignores) && ignores.ValueKind == JsonValueKind.True,
                Composed = IsComposed(json.RootElement, path),
                PromptStart = start,
                PromptEnd = end,
            };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException
            or ArgumentException)
        {
            throw new InvalidDataException($"{path} is not a tokenizer.json of a byte-level byte-pair encoding: {e.Message}", e);
        }
    }

    /// <summary>A special token that takes in blanks around it, or is none inside a word, is found otherwise than here.</summary>
    public static void RefuseBlanks(JsonElement token, string path)
    {
        foreach (var name in new[] { "lstrip", "rstrip", "single_word" })
        {
            if (token.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True)
                throw new InvalidDataException($"{path}: the token {token.GetProperty("content")} has {name}, which is not done here.");
        }
    }

    private static void RefuseWhatIsNotDone(JsonElement model, string path)
    {
        foreach (var name in new[] { "dropout", "continuing_subword_prefix", "end_of_word_suffix" })
        {
            if (model.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null
                && value is not { ValueKind: JsonValueKind.String } && value.GetRawText() is not ("0" or "0.0"))
                throw new InvalidDataException($"{path}: {name} is {value.GetRawText()}, which is not done here.");
            if (value.ValueKind == JsonValueKind.String && value.GetString()!.Length > 0)
                throw new InvalidDataException($"{path}: {name} is '{value}', which is not done here.");
        }
    }

    private static bool IsComposed(JsonElement root, string path)
    {
        if (!root.TryGetProperty("normalizer", out var normalizer) || normalizer.ValueKind == JsonValueKind.Null) return false;
        var steps = normalizer.GetProperty("type").GetString() == "Sequence"
            ? normalizer.GetProperty("normalizers").EnumerateArray().ToList() : [normalizer];
        foreach (var step in steps)
        {
            if (step.GetProperty("type").GetString() is var kind && kind != "NFC")
                throw new InvalidDataException($"{path} changes texts by '{kind}' first (normalizer); NFC can be done.");
        }
        return steps.Count > 0;
    }

    private static string Pattern(JsonElement root, string path)
    {
        if (!root.TryGetProperty("pre_tokenizer", out var pre) || pre.ValueKind == JsonValueKind.Null)
            throw new InvalidDataException($"{path} does not say how words are cut (pre_tokenizer); byte-level BPE does.");
        var steps = pre.GetProperty("type").GetString() == "Sequence" ? pre.GetProperty("pretokenizers").EnumerateArray().ToList() : [pre];
        string? pattern = null;
        bool isByteLevel = false, cuts = false;
        foreach (var step in steps)
        {
            switch (step.GetProperty("type").GetString())
            {
                case "ByteLevel":
                    isByteLevel = true;
                    if (step.TryGetProperty("add_prefix_space", out var blank) && blank.GetBoolean())
                        throw new InvalidDataException(
                            $"{path} puts a blank before every text (add_prefix_space), which is not done here.");
                    cuts = !step.TryGetProperty("use_regex", out var uses) || uses.GetBoolean();
                    break;
                case "Split"
                    when step.GetProperty("pattern").TryGetProperty("Regex", out var regex)
                        && step.GetProperty("behavior").GetString() == "Isolated"
                        && !(step.TryGetProperty("invert", out var invert) && invert.GetBoolean()):
                    if (pattern is not null)
                        throw new InvalidDataException($"{path} cuts words by several expressions, one after the other; one can be done.");
                    pattern = regex.GetString()!;
                    break;
                case var other:
                    throw new InvalidDataException(
                        $"{path} cuts words by '{other}'; ByteLevel and Split by a regular expression (Isolated) can be done.");
            }
        }
        if (!isByteLevel) throw new InvalidDataException($"{path} is not byte-level: its pre_tokenizer has no ByteLevel.");
        if (pattern is not null && cuts)
            throw new InvalidDataException(
                $"{path} cuts words by an expression and by that of GPT-2 after it (ByteLevel with use_regex); one can be done.");
        // Without either a text is one word.
        return pattern ?? (cuts ? BytePairs.Gpt2Pattern : @"[\s\S]+");
    }
}
