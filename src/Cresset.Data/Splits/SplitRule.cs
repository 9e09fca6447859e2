using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>
/// How a data set is divided: the training part is learned from, the validation part chooses the best model, the test part is reported.
/// </summary>
[PartKind("split")]
public abstract record SplitRule : IOptionsRecord
{
    /// <summary>Divides the examples; no index stands in two parts.</summary>
    /// <exception cref="InvalidDataException">The data set cannot be divided so.</exception>
    public abstract SplitParts Divide(SplitExamples examples);

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];
}

/// <summary>Indices of the three parts, each in rising order.</summary>
/// <param name="Train">Learned from.</param>
/// <param name="Validation">Chooses the best model; may be empty.</param>
/// <param name="Test">Reported; may be empty.</param>
public sealed record SplitParts(int[] Train, int[] Validation, int[] Test);

/// <summary>What a rule may divide by.</summary>
public sealed record SplitExamples
{
    /// <summary>The data set, for messages.</summary>
    public required string Name { get; init; }

    /// <summary>Name of each example: path inside the folder, or number of the row from 0.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>Class of each example; null where there are none.</summary>
    public IReadOnlyList<int>? Labels { get; init; }

    /// <summary>The examples that the data set itself keeps for testing; null where it does not.</summary>
    public IReadOnlySet<int>? GivenTest { get; init; }

    /// <summary>The cells of a column of the data set's table.</summary>
    public Func<string, IReadOnlyList<string>>? Column { get; init; }

    /// <summary>Number of examples.</summary>
    public int Count => Names.Count;
}
