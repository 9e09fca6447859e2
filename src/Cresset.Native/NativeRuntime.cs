namespace Cresset.Native;

/// <summary>Start-up of native code: runs once before <c>Main</c> in every executable.</summary>
public static class NativeRuntime
{
    /// <summary>Prepares the loading of libtorch. Safe to call more than once.</summary>
    public static void Initialize()
    {
    }
}
