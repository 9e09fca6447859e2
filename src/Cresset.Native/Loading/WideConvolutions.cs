using System.Runtime.Intrinsics.X86;

namespace Cresset.Native.Loading;

/// <summary>
/// oneDNN, which computes libtorch's convolutions, blocks its loops by the sizes of the processor's caches. A virtual machine may hide them
/// (its CPUID lists no cache), and then oneDNN 3.7 gives wrong numbers: convolutions whose channels do not fill their blocks (33, 40, 72 or
/// 100 of them, say) are off by half their size, with AVX-512, AVX2 and AVX alike. In builds of libtorch that are known it is told that
/// there is nothing to know (<see cref="CacheSizes"/>). In others it is held to its SSE4.1 kernels, which block by nothing and are right,
/// three to five times slower. <c>ONEDNN_MAX_CPU_ISA</c>, where set, is left as it is.
/// </summary>
internal static class WideConvolutions
{
    private const string Variable = "ONEDNN_MAX_CPU_ISA";
    private const int IntelCaches = 4;
    private const int AmdCaches = unchecked((int)0x8000001D);
    private const int HighestExtended = unchecked((int)0x80000000);

    private static bool _waits;

    /// <summary>False once convolutions have been held to narrow instructions.</summary>
    public static bool Allowed { get; private set; } = true;

    public static string Story { get; private set; } = "convolutions use what the processor has";

    /// <summary>Looks at the machine, before libtorch is loaded.</summary>
    public static void Apply()
    {
        if (!X86Base.IsSupported || ListsCaches()) return;
        _waits = true;
        Story = "this machine hides the sizes of its caches; what that means for convolutions is settled when libtorch is loaded";
    }

    /// <summary>
    /// Mends what oneDNN knows, once libtorch is loaded and before it computes; where nothing can tell when that is, before it is loaded.
    /// </summary>
    public static void Settle(bool isLoaded)
    {
        if (!_waits) return;
        _waits = false;
        if (isLoaded && CacheSizes.Forget())
            Story = $"convolutions {Extent}; oneDNN takes usual sizes for the caches, which this machine hides";
        else Hold();
    }

    private static string Extent => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } chosen
        ? $"as {Variable}={chosen} says" : "use what the processor has";

    // oneDNN reads the variable when it makes its first kernel.
    private static void Hold()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } chosen)
        {
            Story = $"convolutions as {Variable}={chosen} says, though this machine hides its caches and wide ones may be wrong";
        }
        else if (NativeEnvironment.SetIfAbsent(Variable, "SSE41"))
        {
            Allowed = false;
            Story = $"convolutions held to SSE4.1: this machine hides the sizes of its caches, without which oneDNN's wider ones give "
                + $"wrong numbers ({Variable} lifts it)";
        }
    }

    // The low five bits of EAX name the type of the first cache; 0 says that there is none to list.
    public static bool ListsCaches()
    {
        var intel = X86Base.CpuId(0, 0).Eax >= IntelCaches && (X86Base.CpuId(IntelCaches, 0).Eax & 31) != 0;
        return intel
            || (unchecked((uint)X86Base.CpuId(HighestExtended, 0).Eax) >= unchecked((uint)AmdCaches)
                && (X86Base.CpuId(AmdCaches, 0).Eax & 31) != 0);
    }
}
