namespace Cresset.Runs;

/// <summary>Which runs to list and in what order. The default is all that are not archived, newest first.</summary>
public sealed record RunQuery
{
    /// <summary>Text that must occur in id, name, kind, note or a tag (ignoring case), or null.</summary>
    public string? Text { get; init; }

    /// <summary>
    /// A condition such as <c>lr&lt;1e-3 and tag:good</c>, or null: settings, figures and the last values of series compared by &lt; &lt;=
    /// &gt; &gt;= = != ~ (holds a text),
    /// <c>tag: name: kind: status: archived:</c>, words to look for, <c>and or not ( )</c>, quotes around what holds blanks.
    /// </summary>
    public string? Where { get; init; }

    /// <summary>Exact name, or null.</summary>
    public string? Name { get; init; }

    /// <summary>Exact kind, or null.</summary>
    public string? Kind { get; init; }

    /// <summary>Status, or null.</summary>
    public RunStatus? Status { get; init; }

    /// <summary>A tag the run must have, or null.</summary>
    public string? Tag { get; init; }

    /// <summary>List archived runs too.</summary>
    public bool IncludeArchived { get; init; }

    /// <summary>Sort key.</summary>
    public RunOrder Order { get; init; } = RunOrder.Created;

    /// <summary>Name of the figure for <see cref="RunOrder.Figure"/>.</summary>
    public string? OrderKey { get; init; }

    /// <summary>Largest first.</summary>
    public bool Descending { get; init; } = true;

    /// <summary>At most this many, or null for all.</summary>
    public int? Limit { get; init; }
}
