using System.Runtime.InteropServices;

namespace Cresset.Native.Loading;

/// <summary>
/// MKL, inside libtorch, may round a matrix product differently from run to run on processors that are not Intel's: which of its loops runs
/// depends on where the allocator put the matrices. Its reproducible mode costs nothing measurable and makes seeds repeat bit for bit.
/// <c>MKL_CBWR</c>, where set, is left as it is.
/// </summary>
internal static class RepeatableProducts
{
    private const string Variable = "MKL_CBWR";

    public static void Apply()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64) return;
        _ = NativeEnvironment.SetIfAbsent(Variable, "AUTO");
    }
}
