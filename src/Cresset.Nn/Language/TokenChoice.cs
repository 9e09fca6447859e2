using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>How the next token is drawn from its scores.</summary>
public sealed record TokenChoice : IOptionsRecord
{
    /// <summary>Scores are divided by it: below 1 safer, above 1 more varied; 0 takes the likeliest.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Only so many of the likeliest tokens; 0 for all.</summary>
    public int TopK { get; init; }

    /// <summary>Only the likeliest tokens whose probabilities together reach this share (nucleus sampling, Holtzman et al. 2020).</summary>
    public double TopP { get; init; } = 1;

    /// <summary>
    /// Scores of tokens that the text holds already are divided by it, and multiplied where they are below 0 (Keskar et al. 2019); 1
    /// leaves them. <see cref="Draw"/> sees no text and leaves them too.
    /// </summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>
    /// A text that <see cref="Continue"/> goes on with ends where one of these tokens is drawn; none writes the whole length.
    /// </summary>
    public IReadOnlyList<long> Ends { get; init; } = [];

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() =>
        new OptionChecks().Within(Temperature, 0, 1e6).AtLeast(TopK, 0)
            .Must(TopP is > 0 and <= 1, TopP, "above 0 and at most 1", field: nameof(TopP))
            .Must(RepetitionPenalty is > 0 and <= 1e6, RepetitionPenalty, "above 0 and at most 1,000,000", field: nameof(RepetitionPenalty))
            .Must(Ends.All(end => end >= 0), string.Join(", ", Ends), "tokens, from 0 on", field: nameof(Ends));

    /// <summary>Draws a token of each row of scores [N, vocabulary]; int64 [N].</summary>
    /// <exception cref="ArgumentException">A score is NaN or infinite, or all of a row are minus infinity.</exception>
    public Tensor Draw(Tensor scores, Generator? generator = null)
    {
        ArgumentNullException.ThrowIfNull(scores);
        using var scope = NewDisposeScope();
        if (AreBroken(scores))
            throw new ArgumentException("The scores are NaN or infinite, or no token has one: a weight of the model is not finite.",
                nameof(scores));
        // Below what float32 divides by there is no other token left.
        if (Temperature < 1e-20) return scores.argmax(-1).MoveToOuterDisposeScope();
        // The largest is 0 before it is divided: a temperature near 0 would make infinities of it.
        var single = scores.to(ScalarType.Float32);
        var (sorted, order) = (single - single.amax([-1], keepdim: true)).div(Temperature).sort(-1, descending: true);
        if (TopK > 0 && TopK < sorted.size(-1)) (sorted, order) = (sorted.narrow(-1, 0, TopK), order.narrow(-1, 0, TopK));
        var shares = nn.functional.softmax(sorted, -1);
        // A token counts where those before it have not reached the share, so that one always stays.
        if (TopP < 1) shares = shares.masked_fill((shares.cumsum(-1) - shares).ge(TopP), 0);
        return order.gather(-1, multinomial(shares, 1, generator: generator)).squeeze(-1).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Tokens after a beginning, one by one. When the context is full, the model goes on from the last half of what it saw.
    /// </summary>
    /// <param name="model">The model, in evaluation mode.</param>
    /// <param name="prompt">At least one token; of more than the context holds the last ones count.</param>
    /// <param name="length">Tokens to draw; fewer where one of <see cref="Ends"/> comes, which is not part of the text.</param>
    /// <param name="generator">Draws them.</param>
    /// <param name="cancellation">Ends the text.</param>
    public IEnumerable<long> Continue(DecoderTransformer model, IReadOnlyList<long> prompt, int length, Generator generator,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(prompt);
        if (prompt.Count == 0) throw new ArgumentException("A text begins with at least one token.", nameof(prompt));
        this.ThrowIfInvalid();
        if (Ends.FirstOrDefault(end => end >= model.Vocabulary, -1) is var lost and >= 0)
            throw new ArgumentException(
                $"{nameof(Ends)} holds the token {lost}, which never comes: the model's are 0 to {model.Vocabulary - 1}.", nameof(model));
        return Tokens();

        IEnumerable<long> Tokens()
        {
            // A published model's context is far longer than most texts.
            using var cache = model.NewCache(1, Math.Min(model.Options.Context, (long)prompt.Count + length));
            List<long> seen = [.. prompt];
            var next = (IReadOnlyList<long>)seen[Math.Max(0, seen.Count - model.Options.Context)..];
            for (var i = 0; i < length; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                if (cache.Length + next.Count > cache.Capacity)
                {
                    cache.Clear();
                    next = seen[^(int)(cache.Capacity / 2)..];
                }
                var token = Next(model, cache, next, seen, generator);
                if (Ends.Contains(token)) yield break;
                seen.Add(token);
                next = [token];
                yield return token;
            }
        }
    }

    private static bool AreBroken(Tensor scores)
    {
        if (!TensorView.IsDense<float>(scores) || scores.numel() == 0)
            return scores.isnan().logical_or(scores.isposinf()).any().item<bool>() || scores.isneginf().all(-1).any().item<bool>();
        // Six calls of libtorch cost more than a look at every score.
        using var view = TensorView.Dense<float>(scores);
        var row = (int)scores.size(-1);
        for (var numbers = view.Span; numbers.Length > 0; numbers = numbers[row..])
        {
            var isAnyFinite = false;
            foreach (var score in numbers[..row])
            {
                if (!(score < float.PositiveInfinity)) return true;
                isAnyFinite |= score > float.NegativeInfinity;
            }
            if (!isAnyFinite) return true;
        }
        return false;
    }

    private long Next(DecoderTransformer model, KeyValueCache cache, IReadOnlyList<long> tokens, List<long> seen, Generator generator)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var scores = model.Forward(tensor(tokens.ToArray(), [1, tokens.Count], device: model.Place), cache);
        var last = scores.select(1, scores.size(1) - 1).cpu();
        if (RepetitionPenalty != 1)
        {
            last = last.to(ScalarType.Float32);
            var again = tensor(seen.Distinct().ToArray()).unsqueeze(0);
            var known = last.gather(1, again);
            last = last.scatter(1, again, where(known < 0, known * RepetitionPenalty, known / RepetitionPenalty));
        }
        return Draw(last, generator).item<long>();
    }
}
