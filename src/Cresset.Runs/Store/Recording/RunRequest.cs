namespace Cresset.Runs;

/// <summary>Something that is asked of a run while it is recorded, through the store.</summary>
/// <param name="Key">Its row.</param>
/// <param name="Command">What: one of <see cref="Commands"/>.</param>
/// <param name="Value">With what; empty where nothing is needed.</param>
/// <param name="Time">When it was asked (UTC).</param>
/// <param name="Taken">When the run took it up (UTC); null before.</param>
/// <param name="Answer">What the run said.</param>
public sealed record RunRequest(long Key, string Command, string Value, DateTime Time, DateTime? Taken = null, string Answer = "")
{
    /// <summary>Save and stop.</summary>
    public const string Stop = "stop";

    /// <summary>Save and go on.</summary>
    public const string Save = "save";

    /// <summary>Evaluate now.</summary>
    public const string Evaluate = "evaluate";

    /// <summary>Change the learning rate: a number such as 1e-4, or a factor such as x0.5.</summary>
    public const string Rate = "rate";

    /// <summary>Draw the pictures of an evaluation now.</summary>
    public const string Sample = "sample";

    /// <summary>All commands.</summary>
    public static IReadOnlyList<string> Commands { get; } = [Stop, Save, Evaluate, Sample, Rate];
}
