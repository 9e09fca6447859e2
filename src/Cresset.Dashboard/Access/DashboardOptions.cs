using System.Net;
using Cresset.Numerics;

namespace Cresset.Dashboard;

/// <summary>What a dashboard shows and who may ask it.</summary>
public sealed record DashboardOptions : IOptionsRecord
{
    /// <summary>Port of the page when none is asked for.</summary>
    public const int DefaultPort = 6070;

    /// <summary>Folder of runs, or any folder with TensorBoard event files below it.</summary>
    public string Folder { get; init; } = "runs";

    /// <summary>Address to listen on. Any but the loopback ones asks everybody for a token.</summary>
    public string Address { get; init; } = "127.0.0.1";

    /// <summary>Port to listen on; 0 takes a free one.</summary>
    public int Port { get; init; } = DefaultPort;

    /// <summary>How many higher ports are tried when <see cref="Port"/> is taken.</summary>
    public int FurtherPorts { get; init; }

    /// <summary>Host names beside localhost and the address by which the page may be asked for, such as that of a reverse proxy.</summary>
    public IReadOnlyList<string> AllowedHosts { get; init; } = [];

    /// <summary>Ask for a token on loopback addresses too: for machines that several people use.</summary>
    public bool AlwaysAskToken { get; init; }

    /// <summary>Program and arguments of the process that computes for subject pages; empty: they show what was recorded.</summary>
    public IReadOnlyList<string> ComputeCommand { get; init; } = [];

    /// <summary>Show only: no notes, no labels, no requests to runs.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Whether the address can be reached from other machines.</summary>
    internal bool IsOpenToOthers =>
        !(IPAddress.TryParse(Address, out var address) && IPAddress.IsLoopback(address)) && Address != "localhost";

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(!string.IsNullOrWhiteSpace(Folder), Folder, "a folder", field: nameof(Folder))
        .Must(Address == "localhost" || IPAddress.TryParse(Address, out _), Address,
            "an IP address such as 127.0.0.1 or 0.0.0.0, or localhost", field: nameof(Address))
        .Within(Port, 0, 65535)
        .Within(FurtherPorts, 0, 100)
        .Must(AllowedHosts.All(h => Uri.CheckHostName(h) != UriHostNameType.Unknown), string.Join(", ", AllowedHosts),
            "host names without scheme and port", field: nameof(AllowedHosts));
}
