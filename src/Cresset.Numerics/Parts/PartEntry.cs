using System.Diagnostics.CodeAnalysis;

namespace Cresset.Numerics;

/// <summary>One part of a catalog.</summary>
/// <param name="Kind">Its kind, such as "optimizer".</param>
/// <param name="Name">Its name within the kind.</param>
/// <param name="Aliases">Other names that find it.</param>
/// <param name="Type">Its type.</param>
/// <param name="Create">Makes one with its defaults.</param>
/// <param name="Source">Where it comes from; may be empty.</param>
/// <param name="Summary">One sentence from its documentation; may be empty for an assembly without one.</param>
public sealed record PartEntry(
    string Kind,
    string Name,
    IReadOnlyList<string> Aliases,
    [property: DynamicallyAccessedMembers(PartEntry.Needed)][param: DynamicallyAccessedMembers(PartEntry.Needed)] Type Type,
    Func<object> Create,
    string Source,
    string Summary)
{
    // Trimming keeps what binding reads: the properties that are options, and the constructor.
    internal const DynamicallyAccessedMemberTypes Needed = DynamicallyAccessedMemberTypes.PublicProperties
        | DynamicallyAccessedMemberTypes.PublicConstructors;

    /// <summary>True when <paramref name="name"/> is its name or an alias; hyphens, underscores and letter case do not count.</summary>
    public bool IsNamed(string name) => Canonical(Name) == Canonical(name) || Aliases.Any(a => Canonical(a) == Canonical(name));

    // pixel-shuffle, pixel_shuffle and PixelShuffle, as earlier versions wrote it, are one name.
    internal static string Canonical(string name) =>
        name.Replace("_", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();
}

/// <summary>Documentation of one option: a property of an options record.</summary>
/// <param name="Record">Full name of the type that declares it.</param>
/// <param name="Property">Name of the property; empty for the record itself.</param>
/// <param name="Summary">Its summary as plain text.</param>
public readonly record struct OptionSummary(string Record, string Property, string Summary);

/// <summary>The parts of one assembly and the summaries of its options, generated when it is built.</summary>
public interface IPartIndex
{
    /// <summary>Its parts.</summary>
    IReadOnlyList<PartEntry> Parts { get; }

    /// <summary>The summaries of its option records and their properties.</summary>
    IReadOnlyList<OptionSummary> Summaries { get; }
}
