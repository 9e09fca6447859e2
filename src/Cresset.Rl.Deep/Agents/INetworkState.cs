using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>Networks and optimizer of an agent, as they are saved.</summary>
public interface INetworkState : ISaved
{
    /// <summary>Writes what acting needs.</summary>
    void SavePolicy(Snapshot state);

    /// <summary>Takes over what <see cref="SavePolicy"/> wrote.</summary>
    void LoadPolicy(Snapshot state);
}
