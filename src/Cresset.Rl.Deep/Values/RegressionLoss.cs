using System.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>How an error of a value is punished.</summary>
public enum ValueLoss
{
    /// <summary>Quadratic up to an error of 1, linear beyond (Huber): the usual choice.</summary>
    Huber,

    /// <summary>The square.</summary>
    Squared,
}

/// <summary>Losses of scalar values and of quantiles, with their gradients.</summary>
internal static class RegressionLoss
{
    /// <summary>Huber's loss of an error and its derivative, with threshold <paramref name="kappa"/>.</summary>
    public static (T Loss, T Slope) Huber<T>(T error, T kappa)
        where T : IFloatingPointIeee754<T>
    {
        CheckThreshold(kappa);
        var half = T.CreateChecked(0.5);
        return T.Abs(error) <= kappa ? (half * error * error, error) : (kappa * (T.Abs(error) - (half * kappa)), T.CopySign(kappa, error));
    }

    /// <summary>The square of an error and its derivative.</summary>
    public static (T Loss, T Slope) Squared<T>(T error)
        where T : INumber<T>
        => (error * error, error + error);

    /// <summary>The middle of quantile <paramref name="index"/>: (2i + 1) / 2N.</summary>
    public static T Midpoint<T>(int index, int count)
        where T : INumber<T>
        => T.CreateChecked((2 * index) + 1) / T.CreateChecked(2 * count);

    /// <summary>
    /// The quantile Huber loss of QR-DQN (Dabney et al. 2018, equation 10): the sum over the predicted quantiles of the mean over the
    /// target samples of
    /// <c>|tau_i - 1(u &lt; 0)| Huber(u) / kappa</c> with <c>u = target_j - predicted_i</c>.
    /// </summary>
    /// <param name="predicted">Quantiles, at the midpoints.</param>
    /// <param name="target">Samples of the target's distribution, any number.</param>
    /// <param name="kappa">Threshold of Huber's loss, at least 0; 0 is the pinball loss of quantile regression.</param>
    /// <param name="gradient">Receives the derivative by each predicted quantile.</param>
    public static T Quantile<T>(ReadOnlySpan<T> predicted, ReadOnlySpan<T> target, T kappa, Span<T> gradient)
        where T : IFloatingPointIeee754<T>
    {
        CheckThreshold(kappa);
        var loss = T.Zero;
        var share = T.One / T.CreateChecked(target.Length);
        for (var i = 0; i < predicted.Length; i++)
        {
            var tau = Midpoint<T>(i, predicted.Length);
            var slope = T.Zero;
            foreach (var sample in target)
            {
                var error = sample - predicted[i];
                // Without a threshold it is the pinball loss: |tau - 1(u < 0)| |u|.
                var (value, derivative) = kappa == T.Zero ? (T.Abs(error), T.CreateChecked(T.Sign(error))) : Huber(error, kappa);
                var weight = T.Abs(tau - (error < T.Zero ? T.One : T.Zero));
                if (kappa != T.Zero) weight /= kappa;
                loss += weight * value * share;
                slope -= weight * derivative * share;
            }
            gradient[i] = slope;
        }
        return loss;
    }

    private static void CheckThreshold<T>(T kappa)
        where T : IFloatingPointIeee754<T>
    {
        if (!(kappa >= T.Zero)) throw new ArgumentOutOfRangeException(nameof(kappa), kappa, "Allowed: 0 or more.");
    }
}
