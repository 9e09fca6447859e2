namespace Cresset.Runs;

/// <summary>Where a run stands.</summary>
public enum RunStatus
{
    /// <summary>A living process records into it.</summary>
    Running,

    /// <summary>It came to its planned end.</summary>
    Finished,

    /// <summary>It was stopped on request (Ctrl-C, early stop by a user) after saving.</summary>
    Stopped,

    /// <summary>It ended with an error.</summary>
    Failed,

    /// <summary>
    /// Its process vanished without a word (killed, power cut). Never stored: readers find it by the missing process or heartbeat.
    /// </summary>
    Interrupted,
}
