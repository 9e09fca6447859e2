using Cresset.Runs;
using Xunit;

namespace Cresset.Tests.Managed.Runs;

/// <summary>Processor and memory of the recording process, and requests that nobody hears.</summary>
public sealed class SystemFigureTests
{
    [Fact]
    public void ProcessorAndMemoryAreRecordedAtTheNewestStep()
    {
        using var folder = new TemporaryFolder();
        using var store = RunStore.Open(folder.Path);
        using var run = store.Begin("r", "test");
        run.RecordSystem();
        run.Scalar("loss", 41, 1);
        for (var i = 0; i < 200 && !store.Series(run.Id).Any(s => s.Tag == "system/memory_mb"); i++)
        {
            Thread.Sleep(50);
            run.Flush();
        }
        var memory = store.ReadSeries(run.Id, "system/memory_mb")[0];
        Assert.Equal(41, memory.Step);
        Assert.InRange(memory.Value, 10, 1e6);
        Assert.InRange(store.ReadSeries(run.Id, "system/processor_percent")[0].Value, 0, 101);
        Assert.InRange(store.ReadSeries(run.Id, "system/machine_memory_percent")[0].Value, 0.1, 100);
    }

    [Fact]
    public void RequestsAreUnheardOnlyWhereNobodyAsksForThem()
    {
        using var folder = new TemporaryFolder();
        using var store = RunStore.Open(folder.Path);
        using var deaf = store.Begin("deaf", "test");
        using var listening = store.Begin("listening", "test");
        Assert.Empty(listening.TakeRequests());
        foreach (var run in (Run[])[deaf, listening]) store.Ask(run.Id, RunRequest.Stop);
        IReadOnlyList<RunRequest> heard = [], unheard = [];
        for (var i = 0; i < 200 && (heard.Count == 0 || unheard.Count == 0); i++)
        {
            Thread.Sleep(50);
            Assert.Empty(deaf.UnheardRequests(TimeSpan.FromHours(1)));
            if (unheard.Count == 0) unheard = deaf.UnheardRequests(TimeSpan.Zero);
            Assert.Empty(listening.UnheardRequests(TimeSpan.Zero));
            if (heard.Count == 0) heard = listening.TakeRequests();
        }
        Assert.Equal(RunRequest.Stop, Assert.Single(unheard).Command);
        Assert.Equal(RunRequest.Stop, Assert.Single(heard).Command);
    }
}
