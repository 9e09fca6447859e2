namespace Cresset.Tests.Managed;

/// <summary>A small C library in the place of one that this machine does not have.</summary>
internal static class NativeStub
{
    /// <summary>Makes it; false where there is no C compiler.</summary>
    /// <exception cref="InvalidOperationException">The source does not compile.</exception>
    public static bool Compiles(string source, string library)
    {
        try
        {
            var (code, _, errors) = MpiRun.Start("cc", ["-shared", "-fPIC", "-o", library, source]);
            return code == 0 ? true : throw new InvalidOperationException(errors);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
