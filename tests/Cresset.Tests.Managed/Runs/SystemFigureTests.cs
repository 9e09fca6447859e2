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

    // The driver's library is played by one of three cards, of which the second does not tell how busy it is.
    private const string Driver = """
        struct use { unsigned gpu, memory; };
        struct memory { unsigned long long total, free, used; };
        static int begun;
        int nvmlInit_v2(void) { begun++; return 0; }
        int nvmlShutdown(void) { begun--; return 0; }
        int nvmlDeviceGetCount_v2(unsigned *count) { *count = 3; return begun ? 0 : 1; }
        int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **card) { *card = (void *)(0x100L + index); return 0; }
        int nvmlDeviceGetUtilizationRates(void *card, struct use *use) {
            if (card == (void *)0x101) return 3;
            use->gpu = 70 + (unsigned)((long)card & 0xf);
            use->memory = 5;
            return begun ? 0 : 1;
        }
        int nvmlDeviceGetMemoryInfo(void *card, struct memory *memory) {
            memory->total = 80000000000ull;
            memory->free = 78000000000ull;
            memory->used = 2000000000ull + ((long)card & 0xf) * 1000000ull;
            return begun ? 0 : 1;
        }
        """;

    [Fact]
    public void CardsSayHowBusyAndHowFullTheyAre()
    {
        using var folder = new TemporaryFolder();
        var (source, library) = (Path.Combine(folder.Path, "driver.c"), Path.Combine(folder.Path, "driver.so"));
        File.WriteAllText(source, Driver);
        Assert.SkipUnless(NativeStub.Compiles(source, library),
            "not run: this machine has no C compiler (cc) to make the stand-in for a driver");
        using (var all = GraphicsCards.Find(library)!)
            Assert.Equal(
                [("system/gpu0_percent", 70.0), ("system/gpu0_memory_mb", 2000), ("system/gpu1_memory_mb", 2001),
                    ("system/gpu2_percent", 72), ("system/gpu2_memory_mb", 2002)], all.Take());
        using (var some = GraphicsCards.Find(library, "2, 0")!)
            Assert.Equal(["system/gpu0_percent", "system/gpu0_memory_mb", "system/gpu2_percent", "system/gpu2_memory_mb"],
                some.Take().Select(f => f.Tag));
        // Cards that are named by their own names cannot be told by number: all are shown.
        using (var named = GraphicsCards.Find(library, "GPU-8a56")!) Assert.Equal(5, named.Take().Count);
        using (var first = GraphicsCards.Find(library, "1,-1,2")!) Assert.Equal("system/gpu1_memory_mb", Assert.Single(first.Take()).Tag);
        // None may be used, there is no driver, or it is another library: no figures.
        Assert.Null(GraphicsCards.Find(library, ""));
        Assert.Null(GraphicsCards.Find(library, "-1"));
        Assert.Null(GraphicsCards.Find(Path.Combine(folder.Path, "none.so")));
        var other = Path.Combine(folder.Path, "other.so");
        File.WriteAllText(source, "int other(void) { return 0; }");
        Assert.True(NativeStub.Compiles(source, other));
        Assert.Null(GraphicsCards.Find(other));
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
