using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// A parameter that takes part in the current step, with its gradient; with rows, the gradient holds these rows of it only.
/// </summary>
internal readonly record struct ActiveParameter(ParameterGroup Group, ParameterBinding Binding, Parameter Parameter, Tensor Gradient,
    Tensor? Rows = null)
{
    public ParameterState State => Binding.State!;

    public OptimizerRule Rule => Group.Rule;

    public bool IsSparse => Rows is not null;
}
