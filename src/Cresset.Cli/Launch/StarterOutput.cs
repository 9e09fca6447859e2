namespace Cresset.Cli.Launch;

/// <summary>
/// What mpirun writes to the error stream, line by line. Its framed pages about processes that ended are taken out: the rank that ended has
/// said why, and what only mpirun knows (a signal) becomes one line.
/// </summary>
internal sealed class StarterOutput
{
    /// <summary>What mpirun says when it cannot start anything on a host.</summary>
    public const string NoDaemons = "unable to reliably start one or more daemons";

    private const int FrameWidth = 60;
    private readonly List<string> _page = [];
    private bool _isInside;

    /// <summary>Lines to show for a line that came in.</summary>
    public IEnumerable<string> Take(string line)
    {
        var isFrame = line.Length >= FrameWidth && line.All(c => c is '-');
        if (!isFrame && !_isInside) return IsOfStarter(line) ? [] : [line];
        if (!isFrame)
        {
            _page.Add(line);
            return [];
        }
        _isInside = !_isInside;
        if (_isInside) return [];
        var shown = Short(_page);
        _page.Clear();
        return shown;
    }

    /// <summary>What is left when the stream ends.</summary>
    public IEnumerable<string> End() => _page;

    // What mpirun says of its own pages and signals.
    private static bool IsOfStarter(string line)
        => line.StartsWith("mpirun: Forwarding signal", StringComparison.Ordinal)
        || (line.StartsWith('[')
            && (line.Contains("has sent help message", StringComparison.Ordinal)
                || line.Contains("ORTE_ERROR_LOG", StringComparison.Ordinal) || line.Contains("help_aggregate", StringComparison.Ordinal)));

    private static List<string> Short(List<string> page)
    {
        var text = string.Join(' ', page.Select(line => line.Trim()));
        if (text.Contains("MPI_ABORT was invoked", StringComparison.Ordinal)) return [];
        if (text.Contains("exiting improperly", StringComparison.Ordinal)
            || text.Contains("without calling \"finalize\"", StringComparison.Ordinal)) return [];
        if (text.Contains("returned a non-zero exit code", StringComparison.Ordinal)
            || text.Contains("exited with non-zero status", StringComparison.Ordinal)) return [];
        if (text.Contains(NoDaemons, StringComparison.Ordinal))
            return ["cresset: mpirun could not start its daemons on all hosts: a host is down, a link is cut, or Open MPI is missing "
                + "there."];
        if (text.Contains("unable to complete a TCP connection", StringComparison.Ordinal))
            return ["cresset: a host cannot connect to another: a link is cut, or a firewall stands between them."];
        // "mpirun noticed that process rank 1 with PID 0 on node x exited on signal 9 (Killed)."
        return text.Contains("noticed that process rank", StringComparison.Ordinal)
            ? [$"cresset: {text.Replace("mpirun noticed that process ", "", StringComparison.Ordinal)}"] : [.. page];
    }
}
