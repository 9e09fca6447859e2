namespace Cresset.Runs;

/// <summary>A place where an event file is damaged.</summary>
/// <param name="Path">The file.</param>
/// <param name="Offset">Byte at which the record begins.</param>
/// <param name="Record">Number of the record, from 0.</param>
/// <param name="Problem">What is wrong.</param>
public sealed record EventFileDamage(string Path, long Offset, long Record, string Problem)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Path}, record {Record} at byte {Offset}: {Problem}";
}
