using Cresset.Optim;
using Cresset.Quantization;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// A perceptual term whose features learn beside the tokenizer, from its own pictures and without labels: after each of its steps they take
/// one in guessing how pictures were turned.
/// </summary>
internal sealed class PerceptualGame : IDisposable
{
    private readonly PerceptualFeatures _features;
    private readonly TokenizerOptions _options;
    private readonly List<Tensor> _seen = [];

    public PerceptualGame(TokenizerOptions options, int channels, Generator generator)
    {
        _options = options;
        _features = new PerceptualFeatures(channels, options.PerceptualWidth, generator);
        Model = new AuxiliaryModel("perceptual", _features,
            new OptimizationOptions
            {
                Optimizer = new AdamRule { LearningRate = options.PerceptualRate },
                Schedule = ConstantSchedule.Flat
            });
    }

    /// <summary>The features with their optimizer.</summary>
    public AuxiliaryModel Model { get; }

    /// <summary>The weighted perceptual term; null before its first step. Keeps the pictures for <see cref="Step"/>.</summary>
    public Tensor? Term(Tensor real, Tensor rebuilt, StepContext step)
    {
        _seen.Add(real.alias().DetachFromDisposeScope());
        if (step.Step < _options.PerceptualStart) return null;
        foreach (var parameter in _features.parameters()) parameter.requires_grad = false;
        var distance = _features.Distance(rebuilt, real);
        if (step.IsLogged) step.Log("perceptual", distance.ToDouble());
        return distance * _options.PerceptualWeight;
    }

    /// <summary>One step of the features on the pictures of the last step.</summary>
    public void Step(StepContext step)
    {
        if (_seen.Count == 0) return;
        using var scope = NewDisposeScope();
        using var gradients = enable_grad();
        foreach (var parameter in _features.parameters()) parameter.requires_grad = true;
        Model.Optimizer.ZeroGrad();
        var total = 0.0;
        foreach (var real in _seen)
        {
            var loss = _features.Loss(real) / _seen.Count;
            Derivatives.Backward(loss);
            total += loss.ToDouble();
        }
        Model.Optimizer.Step();
        step.Log("turns", total);
        Forget();
    }

    public void Dispose()
    {
        Forget();
        Model.Dispose();
    }

    private void Forget()
    {
        foreach (var real in _seen) real.Dispose();
        _seen.Clear();
    }
}
