using System.Globalization;
using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>Shares of all examples, drawn at random and alike in every class.</summary>
[Part("share")]
public sealed record ShareSplit : SplitRule
{
    /// <summary>Share that chooses the best model.</summary>
    public double Validation { get; init; } = 0.1;

    /// <summary>Share that is reported.</summary>
    public double Test { get; init; } = 0.1;

    /// <summary>Seed of the draw; the run's own seed does not change the parts.</summary>
    public ulong Seed { get; init; }

    /// <inheritdoc/>
    public override SplitParts Divide(SplitExamples examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        var order = Shares.Order(examples, Enumerable.Range(0, examples.Count), Seed);
        int test = Shares.Size(examples, order.Length, Test, "test"),
            validation = Shares.Size(examples, order.Length, Validation, "validation");
        return Shares.Parts(order, test, validation);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Validation, 0, 1, includeMax: false)
        .Within(Test, 0, 1, includeMax: false)
        .Must(!(Validation + Test >= 1), Validation, "less than 1 together with test");
}

/// <summary>The test part that the data set comes with; the validation part is a share of the rest.</summary>
[Part("given")]
public sealed record GivenSplit : SplitRule
{
    /// <summary>Share of the training part that chooses the best model.</summary>
    public double Validation { get; init; } = 0.1;

    /// <summary>Seed of the draw.</summary>
    public ulong Seed { get; init; }

    /// <inheritdoc/>
    public override SplitParts Divide(SplitExamples examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        var given = examples.GivenTest ?? throw new DataMismatchException($"{examples.Name} comes without a test part of its own; say "
            + $"split: share.");
        var order = Shares.Order(examples, Enumerable.Range(0, examples.Count).Where(i => !given.Contains(i)), Seed);
        var parts = Shares.Parts(order, 0, Shares.Size(examples, order.Length, Validation, "validation"));
        return parts with { Test = [.. given.Order()] };
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Validation, 0, 1, includeMax: false);
}

/// <summary>
/// Cross-validation: one of several equal folds tests, a share of the others chooses the best model. A run for each fold.
/// </summary>
[Part("folds")]
public sealed record FoldSplit : SplitRule
{
    /// <summary>Number of folds.</summary>
    public int Folds { get; init; } = 5;

    /// <summary>The fold that tests, from 0.</summary>
    public int Fold { get; init; }

    /// <summary>Share of the other folds that chooses the best model.</summary>
    public double Validation { get; init; } = 0.1;

    /// <summary>Seed of the draw; the same for all folds.</summary>
    public ulong Seed { get; init; }

    /// <inheritdoc/>
    public override SplitParts Divide(SplitExamples examples)
    {
        ArgumentNullException.ThrowIfNull(examples);
        if (examples.Count < Folds)
        {
            throw new DataMismatchException($"{examples.Name}: {examples.Count} examples do not make {Folds} folds.");
        }
        // Examples of a class stand side by side in rank order only across classes: every fold gets its share of each.
        var order = Shares.Order(examples, Enumerable.Range(0, examples.Count), Seed, byClass: true);
        int[] test = [.. order.Where((_, place) => place % Folds == Fold).Order()];
        var rest = Shares.Order(examples, order.Where((_, place) => place % Folds != Fold), Seed);
        return Shares.Parts(rest, 0, Shares.Size(examples, rest.Length, Validation, "validation")) with { Test = test };
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Folds, 2, 1000)
        .Must(Fold >= 0 && Fold < Folds, Fold, $"0 to {Folds - 1}")
        .Within(Validation, 0, 1, includeMax: false);
}

/// <summary>Draws that are alike in every class.</summary>
internal static class Shares
{
    /// <summary>
    /// The examples in drawn order. Any beginning of it holds each class in proportion: an example's rank is its place in its own class, so
    /// the first tenth takes about a tenth of every class.
    /// </summary>
    public static int[] Order(SplitExamples examples, IEnumerable<int> indices, ulong seed, bool byClass = false)
    {
        var random = new RandomStream(seed);
        int[] drawn = [.. indices.Order()];
        random.Shuffle<int>(drawn);
        if (examples.Labels is not { } labels) return drawn;
        var classes = drawn.GroupBy(i => labels[i]).OrderBy(g => g.Key).Select(g => g.ToArray());
        return byClass
            ? [.. classes.SelectMany(c => c)]
            : [.. classes.SelectMany(c => c.Select((index, place) => (Index: index, Rank: (place + 0.5) / c.Length))).OrderBy(e => e.Rank)
                .ThenBy(e => labels[e.Index]).Select(e => e.Index)];
    }

    /// <summary>Number of examples of a share, at least one where it is not 0.</summary>
    public static int Size(SplitExamples examples, int count, double share, string part)
    {
        if (share == 0) return 0;
        if (count < 3)
        {
            throw new DataMismatchException($"{examples.Name}: {count} example{(count == 1 ? "" : "s")} cannot give a {part} part; add "
                + $"examples or say {part}: 0.");
        }
        return Math.Max(1, (int)Math.Round(count * share));
    }

    public static SplitParts Parts(int[] order, int test, int validation)
        => new([.. order.Skip(test + validation).Order()], [.. order.Skip(test).Take(validation).Order()], [.. order.Take(test).Order()]);

    /// <summary>The part that a word means; null for other words.</summary>
    public static string? PartOf(string word) => word.Trim().ToLower(CultureInfo.InvariantCulture) switch
    {
        "train" or "training" => "train",
        "validation" or "valid" or "val" or "dev" => "validation",
        "test" or "testing" => "test",
        _ => null,
    };

    /// <summary>Parts from a word for each example; a validation part that nobody named is a share of the training part.</summary>
    public static SplitParts FromWords(SplitExamples examples, IReadOnlyList<string?> words, double validation, ulong seed)
    {
        int[] Of(string part) => [.. Enumerable.Range(0, words.Count).Where(i => words[i] == part)];
        int[] train = Of("train"), chosen = Of("validation"), test = Of("test");
        if (train.Length == 0) throw new DataMismatchException($"{examples.Name}: no example belongs to the training part (train).");
        if (chosen.Length > 0) return new SplitParts(train, chosen, test);
        var order = Order(examples, train, seed);
        return Parts(order, 0, Size(examples, order.Length, validation, "validation")) with { Test = test };
    }
}
