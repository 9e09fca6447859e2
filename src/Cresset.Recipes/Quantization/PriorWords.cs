using System.Text.Json;
using Cresset.Data;
using Cresset.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Captions as the numbers that a prior reads: those of the data, in all their wordings, and prompts.</summary>
internal sealed class PriorWords : IDisposable
{
    private const int Shown = 10;
    private readonly MiniatureWords _words;
    private readonly Tensor _all;

    private PriorWords(MiniatureWords words)
    {
        _words = words;
        _all = Numbers([.. words.All]).DetachFromDisposeScope();
    }

    /// <summary>What knows the words.</summary>
    public WordTokenizer Tokenizer => _words.Tokenizer;

    /// <summary>Names of classes, or captions.</summary>
    public IReadOnlyList<string> Names => _words.Names;

    /// <summary>What is drawn where nothing was asked for.</summary>
    public IReadOnlyList<string> First => [.. Enumerable.Range(0, Math.Min(Shown, Names.Count)).Select(Prompt)];

    /// <summary>What the numbers are, for programs that have a file of the model alone.</summary>
    public string Meaning => JsonSerializer.Serialize(new
    {
        numbers = $"1, the words' own, {Tokenizer.EndId}, zeros",
        first_word = 3,
        words = Tokenizer.Words
    });

    /// <summary>The words of data with captions.</summary>
    /// <exception cref="DataMismatchException">They have none.</exception>
    public static PriorWords Of(DataFacts facts) => facts.Captions is { Count: > 0 }
        ? new PriorWords(MiniatureWords.Of(facts, MiniatureEncoders.All))
        : throw new DataMismatchException(
            $"{facts.Name} has no captions; model.condition=text learns from them. Use a folder of pictures with .txt files or a column of "
                + "captions (data=folder), or model.condition=class.");

    /// <summary>The first way to ask for a name.</summary>
    public string Prompt(int index) => _words.Prompt(index);

    /// <summary>Numbers int64 [N, T] of prompts.</summary>
    /// <exception cref="ArgumentException">A prompt is empty or too long, or holds a word that is not known.</exception>
    public Tensor Ids(IReadOnlyList<string> prompts)
    {
        foreach (var prompt in prompts)
        {
            if (WordTokenizer.WordsOf(prompt).Count == 0)
                throw new ArgumentException(
                    $"The prompt \"{prompt}\" has no words; ask for example for \"{Prompt(0)}\".", nameof(prompts));
            _words.Check(prompt, "prior");
        }
        return Numbers(prompts);
    }

    /// <summary>Numbers int64 [N, T] of the captions of examples, by their indices int64 [N].</summary>
    /// <param name="captions">The indices.</param>
    /// <param name="generator">Draws one of the wordings; null takes the first.</param>
    public Tensor Ids(Tensor captions, Generator? generator)
    {
        using var scope = NewDisposeScope();
        var rows = captions.cpu() * _words.Ways;
        if (generator is not null && _words.Ways > 1)
            rows = rows + randint(0, _words.Ways, [captions.size(0)], dtype: ScalarType.Int64, generator: generator);
        return _all.index_select(0, rows).to(captions.device).MoveToOuterDisposeScope();
    }

    public void Dispose() => _all.Dispose();

    private Tensor Numbers(IReadOnlyList<string> prompts)
    {
        long[] all = [.. prompts.SelectMany(p => Tokenizer.Encode(p, out _)).Select(id => (long)id)];
        return tensor(all, [prompts.Count, Tokenizer.ContextLength]);
    }
}
