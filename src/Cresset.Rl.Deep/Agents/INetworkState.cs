namespace Cresset.Rl.Deep;

/// <summary>Networks and optimizer of an agent, as they are saved.</summary>
internal interface INetworkState
{
    /// <summary>Writes everything that learning needs.</summary>
    void Save(AgentState state);

    /// <summary>Takes over what <see cref="Save"/> wrote.</summary>
    void Load(AgentState state);

    /// <summary>Writes what acting needs.</summary>
    void SavePolicy(AgentState state);

    /// <summary>Takes over what <see cref="SavePolicy"/> wrote.</summary>
    void LoadPolicy(AgentState state);
}
