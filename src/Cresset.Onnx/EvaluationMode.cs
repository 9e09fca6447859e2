using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>Modules in evaluation mode, each part as it was afterwards.</summary>
internal sealed class EvaluationMode : IDisposable
{
    // Parents before their parts.
    private readonly List<(nn.Module Part, bool Training)> _before = [];

    public EvaluationMode(IReadOnlyList<(string Name, nn.Module Module)> modules, List<string> warnings)
    {
        foreach (var (_, module) in modules)
        {
            _before.AddRange(module.modules().Prepend(module).Distinct().Select(m => (m, m.training)));
            module.eval();
        }
        var differing = _before.Where(m => m.Training).Select(m => m.Part.GetType().Name)
            .Where(n => n.Contains("Dropout", StringComparison.Ordinal) || n.Contains("BatchNorm", StringComparison.Ordinal)).Distinct()
            .Order(StringComparer.Ordinal).ToList();
        if (differing.Count > 0)
            warnings.Add(
                $"the module was in training mode and is exported in evaluation mode: {string.Join(", ", differing)} "
                    + $"{(differing.Count == 1 ? "behaves" : "behave")} otherwise there");
    }

    // train() reaches the parts of a module too, so each part is set after what it is in.
    public void Dispose()
    {
        foreach (var (part, training) in _before) part.train(training);
    }
}
