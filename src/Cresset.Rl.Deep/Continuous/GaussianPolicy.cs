using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>The network puts out mean and logarithm of the deviation of every value; fresh noise at every step.</summary>
internal sealed class GaussianPolicy(int observationSize, int actionSize, int copies, SacOptions options, RandomStream initial)
    : SquashedPolicy(observationSize, actionSize, 2 * actionSize, copies, options, initial)
{
    private const float LowestLog = -20;
    private const float HighestLog = 2;
    private static readonly float HalfLogTwoPi = (float)(0.5 * Math.Log(2 * Math.PI));

    protected override void Explore(MlpWorkspace pass, int row, Span<float> before, RandomStream? explore)
    {
        var raw = Row(pass, row);
        for (var j = 0; j < ActionSize; j++)
            before[j] = raw[j] + (explore is null ? 0 : MathF.Exp(LogDeviation(raw, j)) * (float)explore.NextNormal());
    }

    protected override float DrawRow(MlpWorkspace pass, int row, RandomStream noise, Span<float> before, bool keep)
    {
        var raw = Row(pass, row);
        var log = 0f;
        for (var j = 0; j < ActionSize; j++)
        {
            var (normal, deviation) = ((float)noise.NextNormal(), LogDeviation(raw, j));
            before[j] = raw[j] + (MathF.Exp(deviation) * normal);
            log -= (0.5f * normal * normal) + deviation + HalfLogTwoPi;
        }
        return log;
    }

    // With u = mean + deviation * normal the normal part of the density depends on the deviation alone.
    protected override void SlopeRow(int row, ReadOnlySpan<float> slopes, float share)
    {
        var raw = Row(Pass, row);
        var gradient = Pass.OutputGradient.Slice(row * Pass.OutputStride, 2 * ActionSize);
        for (var j = 0; j < ActionSize; j++)
        {
            gradient[j] = slopes[j];
            gradient[ActionSize + j] = raw[ActionSize + j] is >= LowestLog and <= HighestLog
                ? (slopes[j] * (Before[(row * ActionSize) + j] - raw[j])) - share : 0;
        }
    }

    private ReadOnlySpan<float> Row(MlpWorkspace pass, int row) => pass.Output.Slice(row * pass.OutputStride, 2 * ActionSize);

    private float LogDeviation(ReadOnlySpan<float> raw, int j) => Math.Clamp(raw[ActionSize + j], LowestLog, HighestLog);
}
