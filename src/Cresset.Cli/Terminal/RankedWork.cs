using System.Globalization;
using Cresset.Distributed;

namespace Cresset.Cli.Terminal;

/// <summary>
/// Work that may be done by several ranks, started by mpirun, srun or <c>cresset launch</c>. A single process never looks for MPI.
/// </summary>
internal static class RankedWork
{
    /// <summary>Seconds that a rank waits for the others before it ends the job.</summary>
    public const string WaitVariable = "CRESSET_WAIT_LIMIT";

    /// <summary>The wait without that variable.</summary>
    public const double DefaultWait = 300;

    // Most errors are found by all ranks at once. Rank 0 says them and ends the job before the others would say them too.
    private static readonly TimeSpan FirstWord = TimeSpan.FromSeconds(3);

    /// <summary>Runs the work on this rank. An error of one rank ends all of them with its exit code.</summary>
    public static int Run(Func<ICommunicator, int> work)
    {
        var place = RankPlace.OfEnvironment();
        if (place.Size == 1) return work(OneProcess.Instance);
        ICommunicator? ranks = null;
        try
        {
            ranks = Communicator.Open(place);
            ranks.WaitLimit = WaitLimit();
            var code = work(ranks);
            ranks.Dispose();
            return code;
        }
        catch (Exception e)
        {
            if (place.Rank > 0) Thread.Sleep(FirstWord);
            var code = ErrorBoundary.Report(e, place.Rank > 0 ? string.Create(CultureInfo.InvariantCulture, $"rank {place.Rank}: ") : "");
            // Not disposed of: the end of MPI waits for ranks that still expect this one.
            ranks?.Abort(code);
            return code;
        }
    }

    private static TimeSpan WaitLimit()
    {
        var text = Environment.GetEnvironmentVariable(WaitVariable);
        if (string.IsNullOrEmpty(text)) return TimeSpan.FromSeconds(DefaultWait);
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and <= 1e7
            ? TimeSpan.FromSeconds(seconds)
            : throw new ArgumentException($"{WaitVariable} is '{text}'; allowed: seconds above 0.");
    }
}
