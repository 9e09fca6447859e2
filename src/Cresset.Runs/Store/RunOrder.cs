namespace Cresset.Runs;

/// <summary>What a list of runs is sorted by.</summary>
public enum RunOrder
{
    /// <summary>Time of its beginning.</summary>
    Created,

    /// <summary>Name, then time.</summary>
    Name,

    /// <summary>Kind, then time.</summary>
    Kind,

    /// <summary>Status, then time.</summary>
    Status,

    /// <summary>Time spent recording.</summary>
    ActiveTime,

    /// <summary>
    /// The summary figure (or else the last value of the series) named by <see cref="RunQuery.OrderKey"/>; runs without it come last.
    /// </summary>
    Figure,
}
