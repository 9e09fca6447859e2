using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>A parameter that takes part in the current step, with its gradient.</summary>
internal readonly record struct ActiveParameter(ParameterGroup Group, ParameterBinding Binding, Parameter Parameter, Tensor Gradient)
{
    public ParameterState State => Binding.State!;
}
