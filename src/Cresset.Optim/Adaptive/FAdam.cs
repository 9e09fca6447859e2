using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>Options of <see cref="FAdam"/>.</summary>
public sealed record FAdamOptions : MomentOptions
{
    /// <summary>Sets the published defaults.</summary>
    public FAdamOptions() => LearningRate = 1e-3;

    /// <summary>Largest root mean square of the preconditioned gradient and decay, greater than 0.</summary>
    public double Clip { get; init; } = 1;

    /// <summary>Exponent of the Fisher information, in (0, 1].</summary>
    public double Power { get; init; } = 0.5;

    /// <inheritdoc/>
    protected override void Check(OptionChecks checks)
    {
        base.Check(checks);
        checks?.Positive(Clip).Must(Power is > 0 and <= 1, Power, "in (0, 1]", field: nameof(Power));
    }
}

/// <summary>FAdam (Hwang 2024): Adam as a natural gradient method with the diagonal Fisher information; gradient and decay are both preconditioned and clipped.</summary>
public sealed class FAdam : MomentOptimizer
{
    /// <summary>Optimizes all parameters of <paramref name="module"/> as one group.</summary>
    public FAdam(Module module, FAdamOptions? options = null)
        : this(ParameterGroups.All(module), options)
    {
    }

    /// <summary>Optimizes the given groups.</summary>
    public FAdam(IEnumerable<ParameterGroupSpec> groups, FAdamOptions? options = null)
        : base(groups, options ?? new FAdamOptions())
    {
    }

    /// <inheritdoc/>
    protected override void Update(ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
    {
        var o = group.OptionsAs<FAdamOptions>();
        var (m, fisher) = (state["exp_avg"], state["exp_avg_sq"]);
        var power = Math.Pow(o.Beta2, state.Step);
        var beta2 = (power - o.Beta2) / (power - 1);
        fisher.mul_(beta2).addcmul_(gradient, gradient, 1 - beta2);
        var scale = fisher.pow(o.Power).add_(Math.Min(Size(gradient), 1) * o.Epsilon);
        m.lerp_(Clipped(gradient / scale, o.Clip), 1 - (group.Momentum ?? o.Beta1));
        var update = Clipped(parameter / scale, o.Clip).mul_(group.WeightDecay).add_(m);
        parameter.add_(update, alpha: -group.LearningRate);
    }

    private static double Size(Tensor x) => Math.Sqrt(x.square().mean().ToDouble());

    private static Tensor Clipped(Tensor x, double clip) => x.div_(Math.Max(1, Size(x)) / clip);
}
