namespace Cresset.Runs;

/// <summary>What the store knows of one run, without its series.</summary>
public sealed record RunInfo
{
    /// <summary>
    /// Readable and unique in its store, for example <c>digits-classifier-20261124-151200-ab12</c>; also the folder's name.
    /// </summary>
    public required string Id { get; init; }

    /// <summary>Name given at the start, usually the recipe's; several runs may share it.</summary>
    public required string Name { get; init; }

    /// <summary>What was done: "train", "rl", "eval", "search", …</summary>
    public required string Kind { get; init; }

    /// <summary>Where it stands; <see cref="RunStatus.Interrupted"/> when its process is gone without having said so.</summary>
    public required RunStatus Status { get; init; }

    /// <summary>When it began (UTC).</summary>
    public required DateTime Created { get; init; }

    /// <summary>When it ended (UTC), or null.</summary>
    public DateTime? Ended { get; init; }

    /// <summary>Last sign of life of the recording process (UTC).</summary>
    public DateTime Heartbeat { get; init; }

    /// <summary>Time during which a process recorded, over all sessions.</summary>
    public TimeSpan ActiveTime { get; init; }

    /// <summary>How often it was begun or resumed.</summary>
    public int Sessions { get; init; }

    /// <summary>Free text.</summary>
    public string Note { get; init; } = "";

    /// <summary>Why it failed or stopped; empty otherwise.</summary>
    public string Message { get; init; } = "";

    /// <summary>Hidden from ordinary lists.</summary>
    public bool Archived { get; init; }

    /// <summary>Labels, sorted.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Final figures given to <see cref="IRunRecorder.Finish"/>, by name.</summary>
    public IReadOnlyDictionary<string, double> Summary { get; init; } = new Dictionary<string, double>();

    /// <summary>Computer that recorded it last.</summary>
    public string Host { get; init; } = "";

    /// <summary>Process that recorded it last.</summary>
    public int ProcessId { get; init; }

    /// <summary>Full path of the run's folder.</summary>
    public required string Folder { get; init; }
}
