namespace Cresset.Rl;

/// <summary>A world in another process has ended, does not answer, or answers otherwise than the protocol says.</summary>
public sealed class EnvironmentServerException : IOException
{
    /// <summary>A failure in one line.</summary>
    public EnvironmentServerException(string message)
        : base(message)
    {
    }

    /// <summary>A failure in one line, with its cause.</summary>
    public EnvironmentServerException(string message, Exception? cause)
        : base(message, cause)
    {
    }
}
