using Cresset.Native.Loading;

namespace Cresset.Native;

/// <summary>
/// Start-up of native code. Runs before <c>Main</c> in every executable that references this assembly (a module initializer compiled in by
/// <c>buildTransitive/Cresset.Native.targets</c>), so that the first use of TorchSharp finds its library and the allocator is tuned before
/// libtorch loads.
/// </summary>
public static class NativeRuntime
{
    private static int _initialized;

    /// <summary>Prepares the loading of libtorch. Safe to call more than once and from several threads.</summary>
    public static void Initialize()
    {
        if (Interlocked.Exchange(ref _initialized, 1) != 0) return;
        AllocatorTuning.Apply();
        ThreadWaiting.Apply();
        RepeatableProducts.Apply();
        WideConvolutions.Apply();
        TorchLibraryResolver.Register();
        // Also says when libtorch has come, for what waits for that.
        ScalarLifetime.Register();
    }

    /// <summary>How the allocator was set up.</summary>
    public static AllocatorState Allocator => AllocatorTuning.State;

    /// <summary>How libtorch's worker threads wait between operations, in one sentence.</summary>
    public static string Threading => ThreadWaiting.Story;

    /// <summary>Which instructions libtorch's convolutions may use, in one sentence.</summary>
    public static string Convolutions => WideConvolutions.Story;

    /// <summary>False where convolutions are held to SSE4.1 because wider ones give wrong numbers.</summary>
    public static bool HasWideConvolutions => WideConvolutions.Allowed;

    /// <summary>How TorchSharp's native library was (or will be) found, in one sentence.</summary>
    public static string LoadingStory => TorchLibraryResolver.Story;
}
