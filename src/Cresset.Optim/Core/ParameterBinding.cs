using TorchSharp.Modules;

namespace Cresset.Optim;

/// <summary>The tie between a name, today's parameter object and the optimizer's state for it.</summary>
internal sealed class ParameterBinding(NamedParameter named)
{
    public string Name => named.Name;

    public Parameter Parameter { get; private set; } = named.Value;

    /// <summary>Null until the first step with a gradient.</summary>
    public ParameterState? State { get; set; }

    /// <summary>Looks the parameter up in its module; true when the object changed.</summary>
    public bool Refresh()
    {
        if (named.Owner is null) return false;
        foreach (var (name, parameter) in named.Owner.named_parameters(recurse: false))
        {
            if (name != named.OwnName) continue;
            if (!Parameter.IsInvalid && parameter.Handle == Parameter.Handle) return false;
            Parameter = parameter;
            State?.Follow(parameter);
            return true;
        }
        throw new InvalidOperationException($"Parameter \"{Name}\" is no longer in its module: build a new optimizer after changing the module.");
    }

    public void Replace(Parameter parameter)
    {
        Parameter = parameter;
        State?.Follow(parameter);
    }
}
