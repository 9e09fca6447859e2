using System.Runtime.InteropServices;
using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>The losses of the DQN family as tensor operations, one value a transition [batch].</summary>
internal sealed class TorchQLoss(DqnOptions options, RandomStream random)
{
    /// <summary>Losses and the sizes of the errors (for priorities).</summary>
    /// <param name="online">Learns.</param>
    /// <param name="target">Gives the goals.</param>
    /// <param name="rows">The observations and what followed them.</param>
    /// <param name="actions">[batch], int64.</param>
    /// <param name="returns">[batch].</param>
    /// <param name="discounts">[batch].</param>
    /// <param name="mask">Actions allowed in the observation, [batch, actions] of 0 and minus infinity, or null.</param>
    /// <param name="nextMask">The same for the next observation.</param>
    public (Tensor Losses, Tensor Errors) Of(QNetwork online, QNetwork target, IQRows rows, Tensor actions, Tensor returns,
        Tensor discounts, Tensor? mask, Tensor? nextMask) => options.Values switch
        {
            ValueKind.Categorical => Categorical(online, target, rows, actions, returns, discounts, mask, nextMask),
            ValueKind.Quantile => Quantile(online, target, rows, actions, returns, discounts, mask, nextMask),
            ValueKind.Implicit => Implicit(online, target, rows, actions, returns, discounts, mask, nextMask),
            _ => Mean(online, target, rows, actions, returns, discounts, mask, nextMask),
        };

    /// <summary>Mean values [batch, actions] of what a network puts out [batch, actions, atoms].</summary>
    public Tensor Means(Tensor values)
    {
        using var scope = NewDisposeScope();
        var means = options.Values == ValueKind.Categorical ? (values.softmax(-1) * Atoms(values.device)).sum(-1) : values.mean([-1]);
        return means.MoveToOuterDisposeScope();
    }

    /// <summary>Losses [batch] of the chosen actions' values [batch, actions] against goals [batch].</summary>
    public Tensor Regression(Tensor values, Tensor actions, Tensor goals)
    {
        var error = Picked(values, actions) - goals;
        return options.Loss == ValueLoss.Huber ? Huber(error, 1) : error * error;
    }

    private (Tensor Losses, Tensor Errors) Mean(QNetwork online, QNetwork target, IQRows rows, Tensor actions, Tensor returns,
        Tensor discounts, Tensor? mask, Tensor? nextMask)
    {
        var here = rows.Here(online);
        Tensor goal;
        using (no_grad())
        {
            var values = target.Values(rows.Next(target)).squeeze(-1);
            if (options.Munchausen)
            {
                var before = target.Values(rows.Here(target)).squeeze(-1);
                var bonus = Picked(before, actions) - SoftValue(Masked(before, mask));
                goal = returns + (options.MunchausenAlpha * bonus.clamp(options.MunchausenClip, 0))
                    + (discounts * SoftValue(Masked(values, nextMask)));
            }
            else
            {
                var chooser = options.Double ? online.Values(rows.Next(online)).squeeze(-1) : values;
                goal = returns + (discounts * Picked(values, Masked(chooser, nextMask).argmax(-1)));
            }
        }
        var error = Picked(online.Values(here).squeeze(-1), actions) - goal;
        return (options.Loss == ValueLoss.Huber ? Huber(error, 1) : error * error, error.detach());
    }

    private (Tensor Losses, Tensor Errors) Categorical(QNetwork online, QNetwork target, IQRows rows, Tensor actions,
        Tensor returns, Tensor discounts, Tensor? mask, Tensor? nextMask)
    {
        var here = rows.Here(online);
        Tensor goal;
        using (no_grad())
        {
            var logits = target.Values(rows.Next(target));
            var best = Masked(Means(options.Double ? online.Values(rows.Next(online)) : logits), nextMask).argmax(-1);
            var probabilities = PickedRow(logits, best).softmax(-1);
            var atoms = Atoms(here.device);
            var spacing = (options.MaximumValue - options.MinimumValue) / (options.Atoms - 1);
            var places = ((returns.unsqueeze(-1) + (discounts.unsqueeze(-1) * atoms)).clamp(options.MinimumValue, options.MaximumValue)
                - options.MinimumValue) / spacing;
            // The share of a goal atom at place p on atom k is max(0, 1 - |p - k|): the projection without scatter.
            var distance = (places.unsqueeze(1)
                - arange(options.Atoms, dtype: ScalarType.Float32, device: here.device).view(1, -1, 1)).abs();
            goal = ((1 - distance).clamp(min: 0) * probabilities.unsqueeze(1)).sum(-1);
        }
        var losses = -(goal * PickedRow(online.Values(here), actions).log_softmax(-1)).sum(-1);
        return (losses, losses.detach());
    }

    private (Tensor Losses, Tensor Errors) Quantile(QNetwork online, QNetwork target, IQRows rows, Tensor actions,
        Tensor returns, Tensor discounts, Tensor? mask, Tensor? nextMask)
    {
        var here = rows.Here(online);
        Tensor goal;
        using (no_grad())
        {
            var quantiles = target.Values(rows.Next(target));
            var best = Masked(Means(options.Double ? online.Values(rows.Next(online)) : quantiles), nextMask).argmax(-1);
            goal = returns.unsqueeze(-1) + (discounts.unsqueeze(-1) * PickedRow(quantiles, best));
        }
        var taus = ((arange(options.Atoms, dtype: ScalarType.Float32, device: here.device) + 0.5) / options.Atoms).unsqueeze(0);
        return QuantileHuber(PickedRow(online.Values(here), actions), goal, taus);
    }

    private (Tensor Losses, Tensor Errors) Implicit(QNetwork online, QNetwork target, IQRows rows, Tensor actions,
        Tensor returns, Tensor discounts, Tensor? mask, Tensor? nextMask)
    {
        var here = rows.Here(online);
        var batch = here.size(0);
        Tensor goal;
        using (no_grad())
        {
            var quantiles = target.Quantiles(rows.Next(target), Levels(batch, here.device));
            var chooser = options.Double ? online.Quantiles(rows.Next(online), Levels(batch, here.device)) : quantiles;
            var best = Masked(chooser.mean([-1]), nextMask).argmax(-1);
            goal = returns.unsqueeze(-1) + (discounts.unsqueeze(-1) * PickedRow(quantiles, best));
        }
        var taus = Levels(batch, here.device);
        return QuantileHuber(PickedRow(online.Quantiles(here, taus), actions), goal, taus);
    }

    // |tau - 1(u < 0)| Huber(u) / kappa, summed over predicted quantiles, averaged over the goal's.
    private (Tensor Losses, Tensor Errors) QuantileHuber(Tensor predicted, Tensor goal, Tensor taus)
    {
        var error = goal.unsqueeze(1) - predicted.unsqueeze(2);
        var weight = (taus.unsqueeze(2) - error.lt(0).to(ScalarType.Float32)).abs().detach();
        var losses = (weight * Huber(error, options.Kappa) / options.Kappa).mean([2]).sum(1);
        return (losses, losses.detach());
    }

    private static Tensor Masked(Tensor values, Tensor? mask) => mask is null ? values : values + mask;

    private static Tensor Huber(Tensor error, double kappa)
    {
        var size = error.abs();
        var inside = size.clamp(max: kappa);
        return (0.5 * inside * inside) + (kappa * (size - inside));
    }

    private Tensor SoftValue(Tensor values) => options.MunchausenTau * (values / options.MunchausenTau).logsumexp(-1);

    private Tensor Atoms(Device device) =>
        linspace(options.MinimumValue, options.MaximumValue, options.Atoms, dtype: ScalarType.Float32, device: device);

    private Tensor Levels(long batch, Device device)
    {
        var levels = new float[batch * options.Atoms];
        foreach (ref var level in levels.AsSpan()) level = random.NextSingle();
        return tensor(levels, [batch, options.Atoms], device: device);
    }

    private static Tensor Picked(Tensor values, Tensor actions) => values.gather(1, actions.unsqueeze(1)).squeeze(1);

    private static Tensor PickedRow(Tensor rows, Tensor actions) =>
        rows.gather(1, actions.view(-1, 1, 1).expand(-1, 1, rows.size(2))).squeeze(1);
}
