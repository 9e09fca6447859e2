using System.Globalization;
using System.Text.Json;

namespace Cresset.Data;

/// <summary>What stands beside a <c>tokenizer.json</c> and changes its tokens, with the precedence that transformers gives it.</summary>
internal static class TokenizerSettings
{
    private const string Settings = "tokenizer_config.json";

    private static readonly string[] Names =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private static readonly string[] Lists = ["additional_special_tokens", "extra_special_tokens"];

    /// <summary>The facts of tokenizer.json with what the folder's other files make of them.</summary>
    /// <exception cref="InvalidDataException">They are damaged, ask for what is not done here, or contradict one another.</exception>
    public static TextFacts Apply(TextFacts facts, string folder)
    {
        var path = Path.Combine(folder, Settings);
        var values = Read(path);
        foreach (var name in new[] { "add_prefix_space", "split_special_tokens" })
        {
            if (Flag(values, name, path) == true) throw new InvalidDataException($"{path}: {name} is true, which is not done here.");
        }
        if (values.TryGetValue("auto_map", out var own) && own.ValueKind == JsonValueKind.Object
            && own.TryGetProperty("AutoTokenizer", out _))
            throw new InvalidDataException($"{path}: auto_map names code of the model's own that makes tokens, which is not run here.");
        var tokens = new Tokens(facts);
        if (values.TryGetValue("added_tokens_decoder", out var added)) tokens.Add(Numbered(added, path), path);
        else
        {
            // Folders of earlier versions: there the two files have the last word.
            var map = Path.Combine(folder, "special_tokens_map.json");
            foreach (var (name, value) in Read(map)) values[name] = value;
            var numbers = Path.Combine(folder, "added_tokens.json");
            tokens.Add(Read(numbers).Select(n => (Number(n.Value, n.Key, numbers), n.Key)), numbers);
        }
        foreach (var name in Names)
        {
            if (Text(values, name, path) is { } token) tokens.Add(token);
        }
        foreach (var name in Lists)
        {
            foreach (var token in Several(values, name, path)) tokens.Add(token);
        }
        RefuseTooMany(tokens.Vocabulary.Count, folder);
        facts = facts with { Vocabulary = tokens.Vocabulary, Special = tokens.Special };
        return Around(facts, values, path) is var (start, end) ? facts with { PromptStart = start, PromptEnd = end } : facts;
    }

    // Null where tokenizer.json decides.
    private static (int[] Start, int[] End)? Around(TextFacts facts, Dictionary<string, JsonElement> values, string path)
    {
        var kind = Text(values, "tokenizer_class", path) ?? "";
        // The class of LLaMA begins with a token unless it is told not to.
        var isLlama = kind is "LlamaTokenizer" or "LlamaTokenizerFast";
        if (!values.ContainsKey("add_bos_token") && !values.ContainsKey("add_eos_token")
            && !(isLlama && facts.PromptStart.Count == 0 && facts.PromptEnd.Count == 0)) return null;
        var (usualStart, usualEnd) = kind switch
        {
            "LlamaTokenizer" or "LlamaTokenizerFast" => ("<s>", "</s>"),
            "GPT2Tokenizer" or "GPT2TokenizerFast" => ("<|endoftext|>", "<|endoftext|>"),
            "Qwen2Tokenizer" or "Qwen2TokenizerFast" => (null, "<|endoftext|>"),
            _ => ((string?)null, (string?)null),
        };
        int[] One(string adds, string name, string? usual, bool otherwise)
        {
            if (!(values.ContainsKey(adds) ? Flag(values, adds, path) ?? false : otherwise)) return [];
            var token = Text(values, name, path) ?? (values.ContainsKey(name) ? null : usual);
            var number = token is null ? -1 : facts.Vocabulary.ToList().IndexOf(token);
            return number >= 0 ? [number]
                : throw new InvalidDataException(
                    $"{path}: prompts are to get the {name} ({adds}), which is {(token is null ? "not named" : $"'{token}'")}; needed is a "
                        + "token of tokenizer.json.");
        }
        return (One("add_bos_token", "bos_token", usualStart, isLlama), One("add_eos_token", "eos_token", usualEnd, false));
    }

    private static void RefuseTooMany(int count, string folder)
    {
        var path = Path.Combine(folder, "config.json");
        if (!Read(path).TryGetValue("vocab_size", out var size)) return;
        if (Number(size, "vocab_size", path) is var room && count > room)
            throw new InvalidDataException(
                $"{path}: the model has {room} tokens (vocab_size), the tokenizer beside it {count}; the files are of different models, or "
                    + "tokens were added that the model has no weights for. BytePairTokenizer.Read reads tokenizer.json by itself.");
    }

    private static List<(int Number, string Token)> Numbered(JsonElement added, string path)
    {
        var tokens = new List<(int, string)>();
        foreach (var token in Members(added, "added_tokens_decoder", path))
        {
            if (!int.TryParse(token.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                throw new InvalidDataException(
                    $"{path}: added_tokens_decoder has the number '{token.Name}'; allowed are whole numbers from 0.");
            tokens.Add((number, Content(token.Value, $"added_tokens_decoder {number}", path)));
        }
        return tokens;
    }

    private static string? Text(Dictionary<string, JsonElement> values, string name, string path) =>
        values.TryGetValue(name, out var value) && value.ValueKind != JsonValueKind.Null ? Content(value, name, path) : null;

    private static IEnumerable<string> Several(Dictionary<string, JsonElement> values, string name, string path)
    {
        if (!values.TryGetValue(name, out var value) || value.ValueKind == JsonValueKind.Null) return [];
        return (value.ValueKind switch
        {
            JsonValueKind.Array => value.EnumerateArray().ToList(),
            JsonValueKind.Object => value.EnumerateObject().Select(v => v.Value),
            _ => throw Damaged(path, name, value, "a list"),
        }).Select(token => Content(token, name, path)).ToList();
    }

    // A token is its text, or a map that holds it.
    private static string Content(JsonElement token, string name, string path)
    {
        if (token.ValueKind == JsonValueKind.String) return token.GetString()!;
        if (token.ValueKind != JsonValueKind.Object || !token.TryGetProperty("content", out var content)
            || content.ValueKind != JsonValueKind.String) throw Damaged(path, name, token, "a text, or a map with the text 'content'");
        TokenizerFile.RefuseBlanks(token, path);
        return content.GetString()!;
    }

    private static bool? Flag(Dictionary<string, JsonElement> values, string name, string path) =>
        !values.TryGetValue(name, out var value) ? null : value.ValueKind switch
        {
            JsonValueKind.Null => null,
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Damaged(path, name, value, "true or false"),
        };

    private static int Number(JsonElement value, string name, string path) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= 0 ? number
            : throw Damaged(path, name, value, "a whole number from 0");

    private static IEnumerable<JsonProperty> Members(JsonElement value, string name, string path) =>
        value.ValueKind == JsonValueKind.Object ? value.EnumerateObject() : throw Damaged(path, name, value, "a map");

    private static InvalidDataException Damaged(string path, string name, JsonElement value, string allowed) =>
        new($"{path}: '{name}' is {value.GetRawText()}; allowed: {allowed}.");

    // Nothing where the file is missing.
    private static Dictionary<string, JsonElement> Read(string path)
    {
        if (!File.Exists(path)) return [];
        try
        {
            var bytes = File.ReadAllBytes(path);
            using var json = JsonDocument.Parse(bytes is [0xEF, 0xBB, 0xBF, ..] ? bytes.AsMemory(3) : bytes);
            var values = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
            foreach (var value in Members(json.RootElement, "the file", path)) values[value.Name] = value.Value.Clone();
            return values;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is damaged: {e.Message}", e);
        }
    }

    /// <summary>A vocabulary that grows at its end, and its special tokens.</summary>
    private sealed class Tokens(TextFacts facts)
    {
        private readonly HashSet<string> _known = [.. facts.Vocabulary];

        public List<string> Vocabulary { get; } = [.. facts.Vocabulary];

        public List<string> Special { get; } = [.. facts.Special];

        /// <summary>A token that stands for its own text from now on; one that is not known gets the next number.</summary>
        public void Add(string token)
        {
            if (_known.Add(token)) Vocabulary.Add(token);
            if (!Special.Contains(token)) Special.Add(token);
        }

        /// <summary>Tokens with the numbers that a file gives them.</summary>
        public void Add(IEnumerable<(int Number, string Token)> tokens, string path)
        {
            foreach (var (number, token) in tokens.OrderBy(t => t.Number))
            {
                if (number > Vocabulary.Count || number == Vocabulary.Count && _known.Contains(token))
                    throw new InvalidDataException(
                        $"{path} gives '{token}' the number {number}; tokenizer.json has the tokens 0 to {Vocabulary.Count - 1}"
                            + (_known.Contains(token) ? $", and '{token}' is {Vocabulary.IndexOf(token)} there." : "."));
                if (number < Vocabulary.Count && Vocabulary[number] != token)
                    throw new InvalidDataException($"{path} says that token {number} is '{token}'; in tokenizer.json it is "
                        + $"'{Vocabulary[number]}'.");
                Add(token);
            }
        }
    }
}
