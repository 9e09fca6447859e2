using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>The two ways of weight decay, and the bias correction that all moving averages share.</summary>
internal static class WeightDecay
{
    /// <summary>Shrinks the weights by rate * decay * ratio (decoupled) or returns gradient + decay * weights (coupled).</summary>
    public static Tensor Apply(ParameterGroup group, Tensor parameter, Tensor gradient, bool decoupled, double ratio = 1)
    {
        if (group.WeightDecay == 0) return gradient;
        if (!decoupled) return gradient.add(parameter, alpha: group.WeightDecay);
        parameter.mul_(1 - (group.LearningRate * group.WeightDecay * ratio));
        return gradient;
    }

    /// <summary>1 - beta^step.</summary>
    public static double Correction(double beta, long step) => 1 - Math.Pow(beta, step);
}
