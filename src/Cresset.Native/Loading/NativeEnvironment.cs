using System.Runtime.InteropServices;

namespace Cresset.Native.Loading;

/// <summary>The environment as native libraries see it: .NET's own changes stay within .NET.</summary>
internal static class NativeEnvironment
{
    /// <summary>Sets a variable that is not set yet; false where that fails or there is no glibc.</summary>
    public static bool SetIfAbsent(string name, string value)
    {
        try
        {
            return setenv(name, value, 0) == 0;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    [DllImport("libc.so.6", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int setenv(string name, string value, int overwrite);
}
