using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>One parameter at its update: what an <see cref="OptimizerRule"/> reads and writes.</summary>
public readonly ref struct Slot
{
    internal Slot(Optimizer optimizer, ParameterGroup group, ParameterState state, Tensor parameter, Tensor gradient)
        => (Optimizer, Group, State, Parameter, Gradient) = (optimizer, group, state, parameter, gradient);

    /// <summary>The weights, to be changed in place.</summary>
    public Tensor Parameter { get; }

    /// <summary>Their gradient, negated for maximization, scaled and clipped; not to be changed.</summary>
    public Tensor Gradient { get; }

    /// <summary>The group.</summary>
    public ParameterGroup Group { get; }

    /// <summary>What is remembered of this parameter.</summary>
    public ParameterState State { get; }

    /// <summary>The learning rate of this step.</summary>
    public double Rate => Group.LearningRate;

    /// <summary>The weight decay of this step.</summary>
    public double Decay => Group.WeightDecay;

    /// <summary>Momentum, or Adam's first beta, of this step.</summary>
    public double Momentum =>
        Group.Momentum ?? throw new InvalidOperationException($"{Group.Rule.GetType().Name} has no momentum: override CycledMomentum.");

    /// <summary>Steps of this parameter, this one included.</summary>
    public long Step => State.Step;

    /// <summary>Numbers over all parameters together.</summary>
    public SharedNumbers Shared => Group.Work.Numbers;

    internal Optimizer Optimizer { get; }

    /// <summary>A state tensor.</summary>
    public Tensor this[string name] => State[name];

    /// <summary>1 - beta^step, what a moving average from zero is divided by to be unbiased.</summary>
    public double Correction(double beta) => 1 - Math.Pow(beta, State.Step);

    /// <summary>Adds state tensors of the parameter's shape filled with zeros.</summary>
    public void Zeros(params ReadOnlySpan<string> names)
    {
        foreach (var name in names) State.Fill(name, Parameter);
    }

    /// <summary>Adds a state tensor of the parameter's shape filled with <paramref name="value"/>.</summary>
    public void Fill(string name, double value) => State.Fill(name, Parameter, value);

    /// <summary>Adds zeros of another shape, in the type of the state.</summary>
    public void Zeros(string name, ReadOnlySpan<long> shape)
        => State.Put(name, zeros(shape.ToArray(), dtype: ParameterState.TypeFor(Parameter), device: Parameter.device));

    /// <summary>Adds a copy of the weights as they are now.</summary>
    public void CopyWeights(string name)
        => State.Put(name, Parameter.detach().to(ParameterState.TypeFor(Parameter), Parameter.device, copy: true).contiguous());

    /// <summary>Shrinks the weights by rate * decay * ratio.</summary>
    public void Shrink(double ratio = 1)
    {
        if (Decay != 0) Parameter.mul_(1 - (Rate * Decay * ratio));
    }

    /// <summary>
    /// Weight decay in either form: shrinks the weights (decoupled) and returns the gradient, or returns gradient + decay * weights.
    /// </summary>
    public Tensor Decayed(bool decoupled, double ratio = 1)
    {
        if (Decay == 0) return Gradient;
        if (!decoupled) return Gradient.add(Parameter, alpha: Decay);
        Shrink(ratio);
        return Gradient;
    }

    /// <summary>
    /// The cautious mask (Liang et al. 2024): a copy of the update without the parts that point against the gradient, the rest scaled up.
    /// </summary>
    internal static Tensor Cautious(Tensor update, Tensor gradient)
    {
        var mask = update.mul(gradient).gt(0).to(gradient.dtype);
        mask.div_(mask.mean().clamp_(min: 1e-3));
        return update.mul(mask);
    }
}
