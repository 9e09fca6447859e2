using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Cresset.Kernels;

/// <summary>
/// Asks for memory that a loop reaches soon: the processor's own prefetching stops at every page, and a step walks through four to six
/// arrays at once.
/// </summary>
internal static unsafe class Prefetch
{
    /// <summary>Bytes ahead; 512 to 4096 measure alike, 0 costs a fifth of an AdamW step.</summary>
    private const int Distance = 1024;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead(void* address)
    {
        if (Sse.IsSupported) Sse.Prefetch0((byte*)address + Distance);
    }
}
