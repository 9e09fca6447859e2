using System.Numerics;
using System.Runtime.CompilerServices;

namespace Cresset.Numerics;

/// <summary>Collects the problems of an options record, one line a rule.</summary>
/// <example><code>
/// public IEnumerable&lt;OptionProblem&gt; Validate() =&gt; new OptionChecks()
///     .Positive(LearningRate)
///     .Within(Beta1, 0, 1, includeMax: false);
/// </code></example>
public sealed class OptionChecks : IEnumerable<OptionProblem>
{
    private readonly List<OptionProblem> _problems = [];

    /// <summary>The value must lie between the bounds; NaN never does.</summary>
    public OptionChecks Within<T>(T value, T min, T max, bool includeMin = true, bool includeMax = true, string hint = "",
        [CallerArgumentExpression(nameof(value))] string field = "")
        where T : INumber<T>
    {
        var ok = (includeMin ? value >= min : value > min) && (includeMax ? value <= max : value < max);
        return Must(ok, value,
            string.Create(System.Globalization.CultureInfo.InvariantCulture,
                $"{(includeMin ? '[' : '(')}{min}, {max}{(includeMax ? ']' : ')')}"), hint, field);
    }

    /// <summary>The value must be at least <paramref name="min"/> (and finite).</summary>
    public OptionChecks AtLeast<T>(T value, T min, string hint = "", [CallerArgumentExpression(nameof(value))] string field = "")
        where T : INumber<T>
        => Must(value >= min && T.IsFinite(value), value,
            string.Create(System.Globalization.CultureInfo.InvariantCulture, $"at least {min}"), hint, field);

    /// <summary>The value must be greater than zero (and finite).</summary>
    public OptionChecks Positive<T>(T value, string hint = "", [CallerArgumentExpression(nameof(value))] string field = "")
        where T : INumber<T>
        => Must(value > T.Zero && T.IsFinite(value), value, "greater than 0", hint, field);

    /// <summary>The value must be neither NaN nor infinite.</summary>
    public OptionChecks Finite<T>(T value, string hint = "", [CallerArgumentExpression(nameof(value))] string field = "")
        where T : INumber<T>
        => Must(T.IsFinite(value), value, "a finite number", hint, field);

    /// <summary>The value must be one of <paramref name="allowed"/>.</summary>
    public OptionChecks OneOf<T>(T value, IReadOnlyCollection<T> allowed, string hint = "",
        [CallerArgumentExpression(nameof(value))] string field = "")
        => Must(allowed.Contains(value), value, "one of " + string.Join(", ", allowed), hint, field);

    /// <summary>The enumeration value must be a defined one.</summary>
    public OptionChecks Defined<T>(T value, string hint = "", [CallerArgumentExpression(nameof(value))] string field = "")
        where T : struct, Enum
        => Must(Enum.IsDefined(value), value, "one of " + string.Join(", ", Enum.GetNames<T>()), hint, field);

    /// <summary>The text must not be empty.</summary>
    public OptionChecks NotEmpty(string? value, string hint = "", [CallerArgumentExpression(nameof(value))] string field = "")
        => Must(!string.IsNullOrWhiteSpace(value), value, "a text that is not empty", hint, field);

    /// <summary>Any other condition.</summary>
    public OptionChecks Must(bool condition, object? value, string allowed, string hint = "",
        [CallerArgumentExpression(nameof(value))] string field = "")
    {
        if (!condition) _problems.Add(new OptionProblem(field, value, allowed, hint));
        return this;
    }

    /// <summary>The problems of a record inside this one, their fields prefixed by its name.</summary>
    public OptionChecks Nested(IOptionsRecord? value, [CallerArgumentExpression(nameof(value))] string field = "")
    {
        if (value is not null)
        {
            foreach (var problem in value.Validate()) _problems.Add(problem with { Field = $"{field}.{problem.Field}" });
        }
        return this;
    }

    /// <inheritdoc/>
    public IEnumerator<OptionProblem> GetEnumerator() => _problems.GetEnumerator();

    System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>Checks on options records.</summary>
public static class OptionsRecordExtensions
{
    /// <summary>Returns the record, or throws <see cref="InvalidOptionsException"/> with every problem.</summary>
    public static T ThrowIfInvalid<T>(this T options)
        where T : IOptionsRecord
    {
        var problems = options.Validate().ToList();
        return problems.Count == 0 ? options : throw new InvalidOptionsException(options.GetType().Name, problems);
    }
}
