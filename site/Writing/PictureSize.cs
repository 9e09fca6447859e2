using System.Buffers.Binary;

namespace Cresset.Site.Writing;

/// <summary>Width and height of PNG and GIF files, so that a page does not jump while its pictures load.</summary>
internal static class PictureSize
{
    /// <summary>The size, or zeros where the file says none.</summary>
    public static (int Width, int Height) Of(string file)
    {
        var head = new byte[24];
        using var stream = File.OpenRead(file);
        if (stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length) return (0, 0);
        if (head.AsSpan(1, 3).SequenceEqual("PNG"u8))
        {
            return (BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(20)));
        }
        return head.AsSpan().StartsWith("GIF8"u8)
            ? (BinaryPrimitives.ReadUInt16LittleEndian(head.AsSpan(6)), BinaryPrimitives.ReadUInt16LittleEndian(head.AsSpan(8))) : (0, 0);
    }
}
