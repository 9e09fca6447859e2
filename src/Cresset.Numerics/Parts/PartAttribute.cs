namespace Cresset.Numerics;

/// <summary>
/// Makes a record (or a class without options, such as a job) a part: something with a name that a recipe, an override, a command option
/// and a constructor can all say. Its kind is the nearest base type or interface with <see cref="PartKindAttribute"/>. A part has a public
/// constructor without arguments that sets its defaults; an index of the parts of each Cresset assembly is generated when it is built.
/// </summary>
/// <param name="name">Its name within its kind: lower-case letters, digits, '-', '+' and '.', such as "one-cycle".</param>
/// <param name="source">Where it comes from (paper, standard); may be empty.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class PartAttribute(string name, string source = "") : Attribute
{
    /// <summary>Its name within its kind.</summary>
    public string Name { get; } = name;

    /// <summary>Where it comes from; may be empty.</summary>
    public string Source { get; } = source;

    /// <summary>Other names that find it, such as those an earlier version used; they are not listed.</summary>
    public string[] Aliases { get; init; } = [];
}

/// <summary>Makes a base type or interface the head of a family of parts, such as "optimizer" or "schedule".</summary>
/// <param name="kind">Name of the kind, singular and lower-case.</param>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Interface, Inherited = false)]
public sealed class PartKindAttribute(string kind) : Attribute
{
    /// <summary>Name of the kind.</summary>
    public string Kind { get; } = kind;

    /// <summary>
    /// Name of a public static method of the base type that makes a part of a text which names none, such as the path of a folder; it takes
    /// a string and gives null where it does not know the text.
    /// </summary>
    public string? FromText { get; init; }
}

/// <summary>Names a part that an earlier version had, so that whoever still writes it is told what to write instead.</summary>
/// <param name="kind">Its kind.</param>
/// <param name="name">Its name.</param>
/// <param name="instead">What to write, such as "adamw with nesterov true".</param>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
public sealed class RetiredPartAttribute(string kind, string name, string instead) : Attribute
{
    /// <summary>Its kind.</summary>
    public string Kind { get; } = kind;

    /// <summary>Its name.</summary>
    public string Name { get; } = name;

    /// <summary>What to write instead.</summary>
    public string Instead { get; } = instead;
}

/// <summary>Names the generated index of an assembly's parts. Written by the build, never by hand.</summary>
/// <param name="index">A type that implements <see cref="IPartIndex"/>.</param>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class PartIndexAttribute(
    [System.Diagnostics.CodeAnalysis.DynamicallyAccessedMembers(
        System.Diagnostics.CodeAnalysis.DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] Type index)
    : Attribute
{
    /// <summary>The generated index.</summary>
    [System.Diagnostics.CodeAnalysis.DynamicallyAccessedMembers(
        System.Diagnostics.CodeAnalysis.DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)]
    public Type Index { get; } = index;
}
