using System.Diagnostics;
using Cresset.Distributed;
using Xunit;

namespace Cresset.Tests.Managed.Distributed;

/// <summary>The same suite at one, two and four ranks, over the libraries of this machine.</summary>
public sealed class RankTests
{
    [Fact]
    public void OneProcessKeepsTheLawsAndLoadsNothing()
    {
        using var ranks = Communicator.Open(RankPlace.Alone);
        Assert.Same(OneProcess.Instance, ranks);
        RankSuite.Run(ranks);
        using var process = Process.GetCurrentProcess();
        Assert.DoesNotContain(process.Modules.Cast<ProcessModule>(),
            m => m.ModuleName.StartsWith("libmpi.", StringComparison.Ordinal)
                || m.ModuleName.StartsWith("libmpich", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void OpenMpiKeepsTheLaws(int ranks) => Suite(MpiRun.OpenMpi, ranks);

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void MpichKeepsTheLaws(int ranks)
    {
        Assert.SkipWhen(MpiRun.Mpich is null && MpiRun.OpenMpi is not null,
            "not run: this machine has no MPICH (apt-get install mpich) beside Open MPI");
        Suite(MpiRun.Mpich, ranks);
    }

    [Fact]
    public void AnAbortOfOneRankEndsAllWithItsCode()
    {
        Assert.SkipWhen(MpiRun.OpenMpi is null, MpiRun.Missing);
        var watch = Stopwatch.StartNew();
        var (code, _, _) = Run(MpiRun.OpenMpi!, 2, "abort");
        Assert.Equal(9, code);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), "the other rank waited at its barrier");
    }

    [Fact]
    public void WhoWaitsTooLongSaysSoAndEndsTheJob()
    {
        Assert.SkipWhen(MpiRun.OpenMpi is null, MpiRun.Missing);
        var (code, _, errors) = Run(MpiRun.OpenMpi!, 2, "hang");
        Assert.Equal(WaitWatch.ExitCode, code);
        Assert.Contains("cresset: rank 1 has waited 1 s for the others in a barrier", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutALibraryOneLineNamesThePackages()
    {
        var place = new RankPlace(0, 4, 0, 4, "Open MPI");
        var e = Assert.Throws<CommunicationException>(() => MpiLibrary.Load(place, null, ["libmpi-that-is-not-there.so"]));
        Assert.StartsWith("4 ranks were asked for", e.Message, StringComparison.Ordinal);
        Assert.Contains("apt-get install openmpi-bin", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
        Assert.Contains("CRESSET_MPI is '/no/such/file'",
            Assert.Throws<CommunicationException>(() => MpiLibrary.Load(place, "/no/such/file")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ALibraryThatIsNoMpiIsRefused()
        => Assert.Contains("lacks MPI_",
            Assert.Throws<CommunicationException>(
                () => MpiLibrary.Load(RankPlace.Alone, null, ["libm.so.6", "libm.dylib"])).Message.Replace(
                    "is an MPI library of a kind that is not known", "lacks MPI_", StringComparison.Ordinal), StringComparison.Ordinal);

    private static void Suite(string? starter, int ranks)
    {
        Assert.SkipWhen(starter is null, MpiRun.Missing);
        var (code, output, errors) = Run(starter, ranks, "suite");
        Assert.True(code == 0, $"exit {code}: {output} {errors}");
        Assert.Equal(Enumerable.Range(0, ranks),
            output.Split('\n').Where(line => line.Contains(" done: ", StringComparison.Ordinal))
                .Select(line => int.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture)).Order());
    }

    private static (int Code, string Output, string Errors) Run(string starter, int ranks, string work)
        => MpiRun.Run(starter, ranks, [Environment.ProcessPath!], new Dictionary<string, string> { [RankChild.Variable] = work });
}
