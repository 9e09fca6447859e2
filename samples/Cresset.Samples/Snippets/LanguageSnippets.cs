using Cresset.Data;
using Cresset.Nn;
using static TorchSharp.torch;

namespace Cresset.Samples.Snippets;

/// <summary>docs/language.md.</summary>
internal static class LanguageSnippets
{
    public static void WriteOn(string text)
    {
        var tokenizer = BytePairs.Learn(text, 300);                   // or BytePairTokenizer.Read("tokenizer.json")
        using var model = new DecoderTransformer(tokenizer.Count, new DecoderOptions { Layers = 2, Width = 64 });
        model.eval();
        using var generator = new Generator(1);
        var beginning = tokenizer.Encode("ROMEO:").Select(t => (long)t).ToList();
        var choice = new TokenChoice { Temperature = 0.8, TopK = 40 };
        foreach (var token in choice.Continue(model, beginning, length: 20, generator)) Console.Write(tokenizer.Decode([token]));
        Console.WriteLine();
    }

    public static void Published(string folder, Generator generator)
    {
        using var model = DecoderFolder.Load(folder);                 // LLaMA, Mistral, Qwen2, Qwen3, GPT-2 from Hugging Face's files
        var tokenizer = BytePairTokenizer.ReadFolder(folder);         // tokenizer.json and what stands beside it
        var choice = DecoderFolder.Choice(folder);                    // generation_config.json: temperature, top_k, top_p, end tokens
        var prompt = tokenizer.EncodePrompt("The cat").Select(t => (long)t).ToList();
        foreach (var token in choice.Continue(model, prompt, length: 200, generator)) Console.Write(tokenizer.Decode([token]));
    }
}
