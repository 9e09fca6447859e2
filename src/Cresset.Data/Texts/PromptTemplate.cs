using System.Text.Json;

namespace Cresset.Data;

/// <summary>What a <c>tokenizer.json</c> puts around a single text (<c>post_processor</c>).</summary>
internal static class PromptTemplate
{
    /// <summary>The tokens before and behind a text; none where the file has no such rule.</summary>
    /// <exception cref="InvalidDataException">The rule is of a kind that is not done here, or damaged.</exception>
    public static (IReadOnlyList<int> Start, IReadOnlyList<int> End) Read(JsonElement root, string path)
    {
        if (!root.TryGetProperty("post_processor", out var processor) || processor.ValueKind == JsonValueKind.Null) return ([], []);
        var steps = processor.GetProperty("type").GetString() == "Sequence"
            ? processor.GetProperty("processors").EnumerateArray().ToList() : [processor];
        var (start, end) = (new List<int>(), new List<int>());
        foreach (var step in steps)
        {
            switch (step.GetProperty("type").GetString())
            {
                // It moves the places of tokens in the text, which nobody asks for here.
                case "ByteLevel":
                    break;
                case "TemplateProcessing":
                    var (before, behind) = Around(step, path);
                    // A later rule is laid around what the earlier one made.
                    start.InsertRange(0, before);
                    end.AddRange(behind);
                    break;
                case "RobertaProcessing":
                    start.Insert(0, step.GetProperty("cls")[1].GetInt32());
                    end.Add(step.GetProperty("sep")[1].GetInt32());
                    break;
                case var other:
                    throw new InvalidDataException(
                        $"{path} puts tokens around texts by '{other}' (post_processor); TemplateProcessing and RobertaProcessing can be "
                            + "done.");
            }
        }
        return (start, end);
    }

    private static (List<int> Before, List<int> Behind) Around(JsonElement template, string path)
    {
        var (before, behind, texts) = (new List<int>(), new List<int>(), 0);
        foreach (var piece in template.GetProperty("single").EnumerateArray())
        {
            if (piece.TryGetProperty("Sequence", out _))
            {
                texts++;
                continue;
            }
            var name = piece.GetProperty("SpecialToken").GetProperty("id").GetString()!;
            var ids = template.GetProperty("special_tokens").GetProperty(name).GetProperty("ids").EnumerateArray();
            (texts == 0 ? before : behind).AddRange(ids.Select(i => i.GetInt32()));
        }
        return texts == 1 ? (before, behind)
            : throw new InvalidDataException(
                $"{path}: the template of a single text (post_processor) holds it {texts} times; once can be done.");
    }
}
