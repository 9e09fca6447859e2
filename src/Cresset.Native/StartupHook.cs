using Cresset.Native;

/// <summary>Entry that the runtime calls before <c>Main</c> in programs whose language has no module initializers.</summary>
internal static class StartupHook
{
    public static void Initialize() => NativeRuntime.Initialize();
}
