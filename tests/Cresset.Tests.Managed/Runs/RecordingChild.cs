using System.Runtime.CompilerServices;
using Cresset.Runs;

namespace Cresset.Tests.Managed.Runs;

/// <summary>
/// The test program as a process that records until it is killed: started with CRESSET_TEST_RECORD it never reaches the test runner.
/// </summary>
internal static class RecordingChild
{
    public const string Variable = "CRESSET_TEST_RECORD";

    public static double Value(long step) => Math.Sin(step * 0.001) + (step % 7);

    [ModuleInitializer]
    internal static void Record()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } folder) return;
        using var store = RunStore.Open(folder);
        var resumed = store.List().FirstOrDefault(run => run.Name == "killed");
        using var run = resumed is null ? store.Begin("killed", "test") : store.Resume(resumed.Id);
        // A commit may fall between the two series of one step: the work goes on from a step that both have, as it does from a checkpoint.
        var last = store.LastValues(run.Id);
        var step = last.TryGetValue("loss", out var loss) && last.TryGetValue("other", out var other) ? Math.Min(loss.Step, other.Step) + 1
            : 0;
        if (resumed is not null) run.TruncateAfter(step - 1);
        Console.WriteLine("recording");
        for (; ; step++)
        {
            run.Scalar("loss", step, Value(step));
            run.Scalar("other", step, -Value(step));
            if (step % 500 == 0) run.Picture("picture", step, RunPictureTests.OnePixel);
            if (step % 64 == 0) Thread.Sleep(1);
        }
    }
}
