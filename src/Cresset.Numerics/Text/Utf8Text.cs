using System.Text;

namespace Cresset.Numerics;

/// <summary>
/// Text files of strangers: UTF-8, or UTF-16 with its mark. .NET reads other bytes as "\uFFFD" in silence, which makes one name of two and
/// another of the first.
/// </summary>
public static class Utf8Text
{
    /// <summary>A reader that refuses bytes that are not text; <see cref="DecoderFallbackException"/> comes from its reads.</summary>
    public static StreamReader Open(string path) =>
        new(path, new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: true);

    /// <summary>The whole text.</summary>
    /// <exception cref="InvalidDataException">The bytes are not UTF-8.</exception>
    public static string Read(string path)
    {
        using var reader = Open(path);
        try
        {
            return reader.ReadToEnd();
        }
        catch (DecoderFallbackException e)
        {
            throw Refusal(path, e);
        }
    }

    /// <summary>The lines, one after the other.</summary>
    /// <exception cref="InvalidDataException">The bytes are not UTF-8.</exception>
    public static IEnumerable<string> Lines(string path)
    {
        using var reader = Open(path);
        while (Line(reader, path) is { } line) yield return line;
    }

    /// <summary>The next line of a reader of this file; null at its end.</summary>
    /// <exception cref="InvalidDataException">The bytes are not UTF-8.</exception>
    public static string? Line(TextReader reader, string path)
    {
        ArgumentNullException.ThrowIfNull(reader);
        try
        {
            return reader.ReadLine();
        }
        catch (DecoderFallbackException e)
        {
            throw Refusal(path, e);
        }
    }

    /// <summary>What to throw where a reader of this file meets bytes that are not text.</summary>
    public static InvalidDataException Refusal(string path, DecoderFallbackException e)
        => new($"{path}: the bytes {Convert.ToHexStringLower(e.BytesUnknown ?? [])} are not UTF-8. Save the file as UTF-8.", e);
}
