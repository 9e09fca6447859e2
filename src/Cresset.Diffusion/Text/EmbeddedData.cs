namespace Cresset.Diffusion;

/// <summary>The data files inside this assembly.</summary>
internal static class EmbeddedData
{
    /// <summary>The named file as a stream; the caller disposes it.</summary>
    public static Stream Open(string name)
        => typeof(EmbeddedData).Assembly.GetManifestResourceStream("Cresset.Diffusion.Data." + name)
            ?? throw new InvalidOperationException($"The assembly lacks its embedded file {name}.");

    /// <summary>The named file as bytes.</summary>
    public static byte[] Bytes(string name)
    {
        using var stream = Open(name);
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
