namespace Cresset.Runs;

/// <summary>
/// The store could not read or write (disk full, folder not writable, locked by another process); the message names the file.
/// </summary>
public sealed class RunStoreException : IOException
{
    /// <summary>Makes the exception.</summary>
    public RunStoreException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}
