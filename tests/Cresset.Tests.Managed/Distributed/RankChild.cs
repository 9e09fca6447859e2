using System.Runtime.CompilerServices;
using Cresset.Distributed;

namespace Cresset.Tests.Managed.Distributed;

/// <summary>The test program as a rank: started with CRESSET_TEST_RANK it never reaches the test runner.</summary>
internal static class RankChild
{
    public const string Variable = "CRESSET_TEST_RANK";

    [ModuleInitializer]
    internal static void Run()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } work) return;
        try
        {
            Work(work);
            Environment.Exit(0);
        }
        catch (Exception e)
        {
            Console.Error.WriteLine($"{e.GetType().Name}: {e.Message}");
            Environment.Exit(3);
        }
    }

    private static void Work(string work)
    {
        using var ranks = Communicator.Open();
        // With UCX this would end the process, had it taken the signal.
        Exception? caught = null;
        try
        {
            _ = ((string?)Environment.GetEnvironmentVariable("CRESSET_NO_SUCH_VARIABLE"))!.Length;
        }
        catch (NullReferenceException e)
        {
            caught = e;
        }
        if (caught is null) throw new InvalidOperationException("no exception");
        switch (work)
        {
            case "suite":
                RankSuite.Run(ranks);
                Console.Out.WriteLine($"rank {ranks.Rank} of {ranks.Size} done: {ranks.Description}");
                break;
            case "abort":
                if (ranks.Rank == ranks.Size - 1) ranks.Abort(9);
                ranks.Barrier();
                break;
            case "hang":
                ranks.WaitLimit = TimeSpan.FromSeconds(1);
                if (ranks.Rank == 0) Thread.Sleep(TimeSpan.FromMinutes(1));
                ranks.Barrier();
                break;
            default:
                throw new InvalidOperationException(work);
        }
    }
}
