using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>Observations of a batch and what followed them, as a network's layers before its head see them, [batch, width].</summary>
internal interface IQRows
{
    /// <summary>Where the actions were taken.</summary>
    Tensor Here(QNetwork network);

    /// <summary>What followed.</summary>
    Tensor Next(QNetwork network);
}

/// <summary>Rows that stand alone.</summary>
/// <param name="here">[batch, observation].</param>
/// <param name="next">[batch, observation].</param>
internal sealed class SeparateRows(Tensor here, Tensor next) : IQRows
{
    public Tensor Here(QNetwork network) => network.Trunk(here);

    public Tensor Next(QNetwork network) => network.Trunk(next);
}

/// <summary>
/// Stretches of steps of which each network remembers what it saw before (Kapturowski et al. 2019). The first steps of a stretch only
/// bring the memory up to date: what was remembered when they were taken is another network's by now.
/// </summary>
/// <param name="here">[stretches * steps, observation].</param>
/// <param name="next">What followed the steps that are learned from, [stretches * (steps - burnIn), observation].</param>
/// <param name="memory">What was remembered before each stretch when it was taken, [stretches, units].</param>
/// <param name="kept">0 where an episode begins, [stretches, steps, 1].</param>
/// <param name="burnIn">Steps of a stretch that are not learned from.</param>
internal sealed class RememberedRows(Tensor here, Tensor next, Tensor memory, Tensor kept, int burnIn) : IQRows
{
    private readonly Dictionary<QNetwork, Tensor> _after = [];

    public Tensor Here(QNetwork network)
    {
        var (stretches, steps) = (kept.size(0), kept.size(1));
        var observations = here.view(stretches, steps, -1);
        var before = memory;
        if (burnIn > 0)
        {
            using var quiet = no_grad();
            before = network.Trunk(observations.narrow(1, 0, burnIn).flatten(0, 1), memory, kept.narrow(1, 0, burnIn)).Memory
                .select(1, burnIn - 1);
        }
        var (trunk, after) = network.Trunk(observations.narrow(1, burnIn, steps - burnIn).flatten(0, 1), before,
            kept.narrow(1, burnIn, steps - burnIn));
        _after[network] = after.detach().flatten(0, 1);
        return trunk;
    }

    // From the memory after a step to what followed it, whether the next row of the stretch or the last observation of an episode.
    public Tensor Next(QNetwork network)
    {
        if (!_after.ContainsKey(network)) Here(network);
        return network.Trunk(next, _after[network]).Trunk;
    }
}
