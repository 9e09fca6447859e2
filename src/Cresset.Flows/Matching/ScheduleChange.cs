using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// A model trained on one path, sampled along another (Lipman et al. 2024, "Flow Matching Guide and Code", section 4.8): same end points,
/// other speed and scale on the way.
/// </summary>
internal static class ScheduleChange
{
    /// <summary>
    /// The velocity along <paramref name="wanted"/> from a model trained on <paramref name="trained"/>: model(state, time [N]).
    /// </summary>
    public static Func<Tensor, Tensor, Tensor> Convert(Func<Tensor, Tensor, Tensor> model, ProbabilityPath trained, ProbabilityPath wanted)
    {
        ArgumentNullException.ThrowIfNull(model);
        return (state, time) =>
        {
            using var scope = NewDisposeScope();
            Tensor alpha = wanted.Alpha(time), sigma = wanted.Sigma(time), alphaRate = wanted.AlphaRate(time),
                sigmaRate = wanted.SigmaRate(time);
            // The trained path's time with the same ratio of signal to noise, and the factor between the two states.
            var t = trained.TimeOfRatio(alpha / sigma);
            Tensor a = trained.Alpha(t), s = trained.Sigma(t), aRate = trained.AlphaRate(t), sRate = trained.SigmaRate(t);
            var scale = sigma / s;
            var timeRate = s * s * (sigma * alphaRate - alpha * sigmaRate) / (sigma * sigma * (s * aRate - a * sRate));
            var scaleRate = (s * sigmaRate - sigma * sRate * timeRate) / (s * s);
            var inner = state / ProbabilityPath.Align(scale, state);
            return (ProbabilityPath.Align(scaleRate, state) * inner
                + ProbabilityPath.Align(timeRate * scale, state) * model(inner, t)).MoveToOuterDisposeScope();
        };
    }
}
