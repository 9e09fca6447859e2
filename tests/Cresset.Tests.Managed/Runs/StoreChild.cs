using System.Runtime.CompilerServices;
using Cresset.Runs;

namespace Cresset.Tests.Managed.Runs;

/// <summary>
/// The test program as a process that opens every store whose folder it is told on its input, records a run there and says "ok": started
/// with
/// CRESSET_TEST_STORES it never reaches the test runner.
/// </summary>
internal static class StoreChild
{
    public const string Variable = "CRESSET_TEST_STORES";

    [ModuleInitializer]
    internal static void Serve()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } name) return;
        Console.WriteLine("ready");
        while (Console.ReadLine() is { } folder)
        {
            try
            {
                using var store = RunStore.Open(folder);
                using var run = store.Begin(name, "test");
                for (var step = 0; step < 100; step++) run.Scalar("x", step, step);
                run.Finish(RunStatus.Finished);
                Console.WriteLine("ok");
            }
            catch (Exception e)
            {
                Console.WriteLine(e.ToString().ReplaceLineEndings(" | "));
            }
        }
        Environment.Exit(0);
    }
}
