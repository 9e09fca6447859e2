using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// A module in evaluation mode for as long as this lives; every submodule then gets the mode it had, which <c>train()</c> would not give
/// back.
/// </summary>
public sealed class EvaluationMode : IDisposable
{
    private readonly (nn.Module Module, bool Training)[] _before;

    private EvaluationMode(nn.Module module)
    {
        // Parents come before their children, in this order the modes are put back: train(bool) reaches down.
        _before = [.. module.modules().Prepend(module).Distinct().Select(m => (m, m.training))];
        module.eval();
    }

    /// <summary>Puts a module into evaluation mode until the result is disposed.</summary>
    public static EvaluationMode Of(nn.Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        return new EvaluationMode(module);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (module, training) in _before)
        {
            if (module.training != training) module.train(training);
        }
    }
}
