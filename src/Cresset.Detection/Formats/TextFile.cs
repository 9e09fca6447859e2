using System.Text;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>
/// Text files of a data set, which have to be UTF-8 (or UTF-16 with its mark): .NET reads other bytes as "\uFFFD", so that names change in
/// silence.
/// </summary>
internal static class TextFile
{
    /// <summary>A fault where the bytes are not text; a lenient reader goes on with what can be read of them.</summary>
    public static void Check(string path, FaultDesk desk)
    {
        using var reader = Utf8Text.Open(path);
        var buffer = new char[1 << 14];
        try
        {
            while (reader.Read(buffer) > 0)
            {
            }
        }
        catch (DecoderFallbackException e)
        {
            desk.Fault(DataProblemKind.Malformed, "", "",
                $"holds the bytes {Convert.ToHexStringLower(e.BytesUnknown ?? [])}, which are not UTF-8. Save the file as UTF-8.");
        }
    }

    /// <summary>The whole text.</summary>
    /// <exception cref="DetectionFormatException">The bytes are not UTF-8.</exception>
    public static string Read(string path)
    {
        Check(path, new FaultDesk(path, new ReadOptions()));
        return File.ReadAllText(path);
    }
}
