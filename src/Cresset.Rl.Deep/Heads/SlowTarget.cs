using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>A second network that follows the one that learns, whole or by a share of the way (Lillicrap et al. 2016).</summary>
internal static class SlowTarget
{
    /// <summary>target += share (online - target), over all that both save; a share of 1 copies.</summary>
    public static void Follow(nn.Module target, nn.Module online, double share)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var from = online.state_dict();
        foreach (var (key, value) in target.state_dict())
        {
            if (share == 1) value.copy_(from[key]);
            else value.add_(from[key] - value, alpha: share);
        }
    }
}
