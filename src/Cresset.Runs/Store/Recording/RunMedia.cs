using System.Security.Cryptography;

namespace Cresset.Runs;

/// <summary>Pictures of a run: the file in its folder, the row in the store, the record in the event file.</summary>
internal static class RunMedia
{
    public static string Keep(string folder, RunWriter writer, string tag, long step, long time, ReadOnlySpan<byte> png, string? caption)
    {
        var name = PictureFile.NameOf(tag, step, png);
        var (_, type, width, height) = PictureFile.Describe(png)!.Value;
        var bytes = png.ToArray();
        string path;
        try
        {
            path = PictureFile.Save(Path.Combine(folder, "samples"), tag, step, bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunStoreException($"The picture '{Path.Combine(folder, "samples", name)}' cannot be written: {e.Message}", e);
        }
        var hash = Convert.ToHexStringLower(SHA256.HashData(bytes));
        writer.Post(
            (connection, key) => connection.Execute(
                "INSERT OR REPLACE INTO media (run, tag, step, time, type, file, bytes, sha256, caption) VALUES ($0, $1, $2, $3, $4, $5, "
                    + "$6, $7, $8)",
                key, tag, step, time, type, $"samples/{name}", bytes.Length, hash, caption ?? ""),
            events => events.Image(tag, step, time, bytes, width, height, caption ?? ""));
        return path;
    }
}
