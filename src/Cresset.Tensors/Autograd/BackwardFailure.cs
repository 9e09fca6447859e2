namespace Cresset.Tensors;

/// <summary>
/// Why a backward pass failed. libtorch carries only its own complaint about missing gradients to whoever called backward; the cause waits
/// here until that error is read.
/// </summary>
internal static class BackwardFailure
{
    [ThreadStatic]
    private static (string Operation, Exception Cause)? _onThisThread;

    // Passes over tensors of other devices run on threads of their own.
    private static Tuple<string, Exception>? _onAnyThread;

    public static void Record(string operation, Exception cause)
    {
        _onThisThread = (operation, cause);
        Volatile.Write(ref _onAnyThread, new(operation, cause));
    }

    /// <summary>The latest failure, which is forgotten; null when there was none.</summary>
    public static (string Operation, Exception Cause)? Take()
    {
        var found = _onThisThread;
        _onThisThread = null;
        var other = Interlocked.Exchange(ref _onAnyThread, null);
        return found ?? (other is null ? null : (other.Item1, other.Item2));
    }
}
