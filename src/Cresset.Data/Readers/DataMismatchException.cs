namespace Cresset.Data;

/// <summary>
/// Data that are whole and do not fit what is asked of them: no pictures, a class with one example, a column that is missing. Whoever asked
/// can ask for something else or bring other data; a damaged file is an <see cref="InvalidDataException"/> and none of these.
/// </summary>
public sealed class DataMismatchException : ArgumentException
{
    /// <summary>Says what does not fit, and the likely fix.</summary>
    public DataMismatchException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}
