using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>
/// A distribution over actions whose parameters a network puts out: chances, draws and gradients written out. Actions are rows of floats,
/// also the number of a choice.
/// </summary>
internal abstract class ActionDistribution
{
    /// <summary>Values that the network puts out for each observation.</summary>
    public abstract int Inputs { get; }

    /// <summary>Values of an action.</summary>
    public abstract int ActionSize { get; }

    /// <summary>Parameters that do not depend on the observation; may be empty.</summary>
    public float[] Free { get; protected init; } = [];

    /// <summary>Gradients of <see cref="Free"/>, added to by <see cref="Slope"/>.</summary>
    public float[] FreeGradient { get; protected init; } = [];

    /// <summary>Draws an action and returns the logarithm of its density.</summary>
    /// <param name="raw">The network's output, <see cref="Inputs"/> values.</param>
    /// <param name="random">The stream.</param>
    /// <param name="action">Receives <see cref="ActionSize"/> values.</param>
    /// <param name="mask">Which choices are allowed; empty where all are. The others have probability 0, here and in every other
    /// method.</param>
    public abstract float Sample(ReadOnlySpan<float> raw, RandomStream random, Span<float> action, ReadOnlySpan<bool> mask = default);

    /// <summary>Writes the most likely action.</summary>
    public abstract void Mode(ReadOnlySpan<float> raw, Span<float> action, ReadOnlySpan<bool> mask = default);

    /// <summary>Logarithm of an action's density.</summary>
    public abstract float LogProb(ReadOnlySpan<float> raw, ReadOnlySpan<float> action, ReadOnlySpan<bool> mask = default);

    /// <summary>Entropy in nats.</summary>
    public abstract float Entropy(ReadOnlySpan<float> raw, ReadOnlySpan<bool> mask = default);

    /// <summary>
    /// Writes the gradient of <c>logProbSlope * log p(action) + entropySlope * entropy</c> by the network's output, and adds that by
    /// <see cref="Free"/> to <see cref="FreeGradient"/>.
    /// </summary>
    public abstract void Slope(ReadOnlySpan<float> raw, ReadOnlySpan<float> action, float logProbSlope, float entropySlope,
        Span<float> gradient, ReadOnlySpan<bool> mask = default);
}

/// <summary>One of several choices; the network puts out a logit for each.</summary>
internal sealed class CategoricalActions(int count) : ActionDistribution
{
    private readonly float[] _logs = new float[count];

    /// <inheritdoc/>
    public override int Inputs => count;

    /// <inheritdoc/>
    public override int ActionSize => 1;

    /// <inheritdoc/>
    public override float Sample(ReadOnlySpan<float> raw, RandomStream random, Span<float> action, ReadOnlySpan<bool> mask = default)
    {
        ArgumentNullException.ThrowIfNull(random);
        LogSoftmax(raw, mask);
        // One draw whatever the chances: the first choice whose running sum exceeds it.
        var draw = random.NextDouble();
        var pick = 0;
        var last = mask.IsEmpty ? count - 1 : mask.LastIndexOf(true);
        for (; pick < last; pick++)
        {
            draw -= MathF.Exp(_logs[pick]);
            if (draw < 0) break;
        }
        action[0] = pick;
        return _logs[pick];
    }

    /// <inheritdoc/>
    public override void Mode(ReadOnlySpan<float> raw, Span<float> action, ReadOnlySpan<bool> mask = default)
    {
        action[0] = QTargets.ArgMax(raw[..count], mask);
    }

    /// <inheritdoc/>
    public override float LogProb(ReadOnlySpan<float> raw, ReadOnlySpan<float> action, ReadOnlySpan<bool> mask = default)
    {
        LogSoftmax(raw, mask);
        return _logs[(int)action[0]];
    }

    /// <inheritdoc/>
    public override float Entropy(ReadOnlySpan<float> raw, ReadOnlySpan<bool> mask = default)
    {
        LogSoftmax(raw, mask);
        return EntropyOfLogs();
    }

    /// <inheritdoc/>
    public override void Slope(ReadOnlySpan<float> raw, ReadOnlySpan<float> action, float logProbSlope, float entropySlope,
        Span<float> gradient, ReadOnlySpan<bool> mask = default)
    {
        LogSoftmax(raw, mask);
        var entropy = entropySlope == 0 ? 0 : EntropyOfLogs();
        for (var i = 0; i < count; i++)
        {
            var p = MathF.Exp(_logs[i]);
            if (p == 0)
            {
                // A masked choice: its logit plays no part.
                gradient[i] = 0;
                continue;
            }
            gradient[i] = (logProbSlope * ((i == (int)action[0] ? 1 : 0) - p)) - (entropySlope * p * (_logs[i] + entropy));
        }
    }

    /// <summary>Logarithms of all chances, minus infinity where a choice is not allowed; overwritten by the next call.</summary>
    public ReadOnlySpan<float> Logs(ReadOnlySpan<float> raw, ReadOnlySpan<bool> mask)
    {
        LogSoftmax(raw, mask);
        return _logs;
    }

    private float EntropyOfLogs()
    {
        var entropy = 0f;
        for (var i = 0; i < count; i++)
        {
            var p = MathF.Exp(_logs[i]);
            if (p > 0) entropy -= p * _logs[i];
        }
        return entropy;
    }

    private void LogSoftmax(ReadOnlySpan<float> raw, ReadOnlySpan<bool> mask)
    {
        var best = float.NegativeInfinity;
        for (var i = 0; i < count; i++) best = mask.IsEmpty || mask[i] ? MathF.Max(best, raw[i]) : best;
        var sum = 0f;
        for (var i = 0; i < count; i++) sum += mask.IsEmpty || mask[i] ? MathF.Exp(raw[i] - best) : 0;
        var log = best + MathF.Log(sum);
        for (var i = 0; i < count; i++) _logs[i] = mask.IsEmpty || mask[i] ? raw[i] - log : float.NegativeInfinity;
    }
}

/// <summary>
/// Independent normal distributions; the network puts out the means, the logarithms of the deviations are free parameters.
/// </summary>
internal sealed class GaussianActions : ActionDistribution
{
    private static readonly float HalfLogTwoPi = (float)(0.5 * Math.Log(2 * Math.PI));

    /// <summary>A distribution over actions of <paramref name="size"/> values.</summary>
    /// <param name="size">Values of an action.</param>
    /// <param name="initialLogDeviation">Logarithm of each deviation at the start.</param>
    public GaussianActions(int size, double initialLogDeviation = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        Free = new float[size];
        FreeGradient = new float[size];
        Array.Fill(Free, (float)initialLogDeviation);
    }

    /// <inheritdoc/>
    public override int Inputs => Free.Length;

    /// <inheritdoc/>
    public override int ActionSize => Free.Length;

    /// <inheritdoc/>
    public override float Sample(ReadOnlySpan<float> raw, RandomStream random, Span<float> action, ReadOnlySpan<bool> mask = default)
    {
        ArgumentNullException.ThrowIfNull(random);
        for (var i = 0; i < Free.Length; i++) action[i] = raw[i] + (MathF.Exp(Free[i]) * (float)random.NextNormal());
        return LogProb(raw, action);
    }

    /// <inheritdoc/>
    public override void Mode(ReadOnlySpan<float> raw, Span<float> action, ReadOnlySpan<bool> mask = default) =>
        raw[..Free.Length].CopyTo(action);

    /// <inheritdoc/>
    public override float LogProb(ReadOnlySpan<float> raw, ReadOnlySpan<float> action, ReadOnlySpan<bool> mask = default)
    {
        var sum = 0f;
        for (var i = 0; i < Free.Length; i++)
        {
            var z = (action[i] - raw[i]) * MathF.Exp(-Free[i]);
            sum -= (0.5f * z * z) + Free[i] + HalfLogTwoPi;
        }
        return sum;
    }

    /// <inheritdoc/>
    public override float Entropy(ReadOnlySpan<float> raw, ReadOnlySpan<bool> mask = default)
    {
        var sum = 0f;
        foreach (var log in Free) sum += 0.5f + HalfLogTwoPi + log;
        return sum;
    }

    /// <inheritdoc/>
    public override void Slope(ReadOnlySpan<float> raw, ReadOnlySpan<float> action, float logProbSlope, float entropySlope,
        Span<float> gradient, ReadOnlySpan<bool> mask = default)
    {
        for (var i = 0; i < Free.Length; i++)
        {
            var inverse = MathF.Exp(-Free[i]);
            var z = (action[i] - raw[i]) * inverse;
            gradient[i] = logProbSlope * z * inverse;
            FreeGradient[i] += (logProbSlope * ((z * z) - 1)) + entropySlope;
        }
    }
}
