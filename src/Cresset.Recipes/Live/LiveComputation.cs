using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>
/// Something that a page of the dashboard asks for while somebody looks at it: curves of a function, the way of a point through a flow, a
/// picture step by step. Its properties are the arguments; the answer is written as JSON by <c>cresset compute</c>.
/// </summary>
[PartKind("computation")]
public abstract record LiveComputation : IOptionsRecord
{
    /// <summary>Computes the answer: an object whose public properties become JSON.</summary>
    /// <exception cref="ArgumentException">An argument does not fit the run.</exception>
    public abstract object Compute(LiveContext context);

    /// <inheritdoc/>
    public abstract IEnumerable<OptionProblem> Validate();
}
