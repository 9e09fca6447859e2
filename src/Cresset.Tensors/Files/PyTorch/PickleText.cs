using System.Globalization;
using System.Numerics;

namespace Cresset.Tensors;

/// <summary>Plain values of a pickle as text.</summary>
internal static class PickleText
{
    private const int MaxLength = 500;
    private const int MaxParts = 50;

    /// <summary>What a value is, for messages.</summary>
    public static string Kind(object? value) => value switch
    {
        null => "None",
        bool => "a bool",
        long or BigInteger => "a whole number",
        double => "a number",
        string => "a text",
        byte[] => "bytes",
        PickleGlobal global => $"the name {Short(global.FullName)}",
        PickleSequence sequence => $"a {sequence.Kind.ToString().ToLowerInvariant()}",
        PickleDict => "a dictionary",
        PickleObject other => $"an object of {Short(other.Type)}",
        TorchTensor => "a tensor",
        TorchStorage => "a storage",
        _ => value.GetType().Name,
    };

    /// <summary>A plain value, or a short sequence of plain values; null for anything else.</summary>
    public static string? Plain(object? value) => value switch
    {
        null => "None",
        bool flag => flag ? "true" : "false",
        long or BigInteger => string.Create(CultureInfo.InvariantCulture, $"{value}"),
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        string text => Short(text),
        PickleGlobal global => Short(global.FullName),
        PickleSequence { Items.Count: <= MaxParts } sequence when sequence.Items.All(IsScalar) =>
            Short($"[{string.Join(", ", sequence.Items.Select(Plain))}]"),
        _ => null,
    };

    public static string Short(string text) => text.Length <= MaxLength ? text : text[..MaxLength] + "...";

    private static bool IsScalar(object? value) => value is null or bool or long or BigInteger or double or string or PickleGlobal;
}
