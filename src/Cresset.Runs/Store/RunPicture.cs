namespace Cresset.Runs;

/// <summary>A picture that a run kept.</summary>
/// <param name="Tag">Name.</param>
/// <param name="Step">Step it belongs to.</param>
/// <param name="Time">When it was kept (UTC).</param>
/// <param name="Type">Media type, <c>image/png</c> or <c>image/gif</c>.</param>
/// <param name="Path">Full path of the file.</param>
/// <param name="Bytes">Size of the file in bytes.</param>
/// <param name="Sha256">SHA-256 of the file, lower-case hexadecimal.</param>
/// <param name="Caption">Words to show with it; may be empty.</param>
public sealed record RunPicture(string Tag, long Step, DateTime Time, string Type, string Path, long Bytes, string Sha256, string Caption);
