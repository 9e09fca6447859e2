namespace Cresset.Numerics;

/// <summary>
/// An options record: defaults in its declaration, checked by <see cref="Validate"/>.
/// The same record is constructor argument, YAML section, command-line override and row in the store of runs.
/// </summary>
public interface IOptionsRecord
{
    /// <summary>Every problem of the current values; empty when all are allowed.</summary>
    IEnumerable<OptionProblem> Validate();
}

/// <summary>One value that is not allowed.</summary>
/// <param name="Field">Name of the property.</param>
/// <param name="Value">What it holds.</param>
/// <param name="Allowed">What is allowed, in words or as a range.</param>
/// <param name="Hint">The likely fix; may be empty.</param>
public sealed record OptionProblem(string Field, object? Value, string Allowed, string Hint = "")
{
    /// <inheritdoc/>
    public override string ToString()
    {
        var value = Value switch
        {
            null => "null",
            string s => $"\"{s}\"",
            IFormattable f => f.ToString(null, System.Globalization.CultureInfo.InvariantCulture),
            System.Collections.IEnumerable list => $"[{string.Join(", ", list.Cast<object?>().Select(Text))}]",
            _ => Value.ToString(),
        };
        return $"{Field} is {value}; allowed: {Allowed}." + (Hint.Length == 0 ? "" : " " + Hint);
    }

    private static string? Text(object? element) =>
        element is IFormattable f ? f.ToString(null, System.Globalization.CultureInfo.InvariantCulture) : element?.ToString();
}

/// <summary>An options record holds values that are not allowed; the message lists all of them.</summary>
public sealed class InvalidOptionsException : ArgumentException
{
    /// <summary>Makes the exception for the options type <paramref name="optionsName"/>.</summary>
    public InvalidOptionsException(string optionsName, IReadOnlyList<OptionProblem> problems)
        : base($"{optionsName}: " + string.Join(" ", problems)) => Problems = problems;

    /// <summary>All problems found.</summary>
    public IReadOnlyList<OptionProblem> Problems { get; }
}
