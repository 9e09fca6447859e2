using Cresset.Optim;
using Cresset.Quantization;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// The second player of a VQGAN (Esser et al. 2020, section 3.1): a patch discriminator with its own optimizer. The tokenizer's loss gets
/// an adversarial term of adaptive weight; after each of its steps the discriminator takes one on the same pictures.
/// </summary>
internal sealed class AdversarialGame : IDisposable
{
    private readonly PatchDiscriminator _discriminator;
    private readonly TokenizerOptions _options;
    private readonly List<(Tensor Real, Tensor Fake)> _played = [];

    public AdversarialGame(TokenizerOptions options, int channels, Generator generator)
    {
        _options = options;
        _discriminator = new PatchDiscriminator(channels, options.DiscriminatorWidth, options.DiscriminatorLayers, generator);
        Model = new AuxiliaryModel("discriminator", _discriminator, new OptimizationOptions
        {
            Optimizer = new AdamRule { LearningRate = options.DiscriminatorRate, Beta1 = 0.5, Beta2 = 0.9 },
            Schedule = ConstantSchedule.Flat,
        });
    }

    /// <summary>The discriminator with its optimizer.</summary>
    public AuxiliaryModel Model { get; }

    /// <summary>The adversarial term of the tokenizer's loss; keeps the pictures for <see cref="Step"/>.</summary>
    public Tensor Term(Tensor real, Tensor fake, Tensor reconstruction, Tensor lastWeight, StepContext step)
    {
        _played.Add((real.alias().DetachFromDisposeScope(), fake.detach().DetachFromDisposeScope()));
        // The discriminator is a fixed judge here; its own gradient is made in Step.
        foreach (var parameter in _discriminator.parameters()) parameter.requires_grad = false;
        var adversarial = AdversarialLoss.Generator(_discriminator.call(fake));
        var weight = AdversarialLoss.AdaptiveWeight(reconstruction, adversarial, lastWeight);
        step.Log("adversarial", adversarial.ToDouble());
        step.Log("adversarial_weight", weight.ToDouble());
        return _options.AdversarialWeight * weight * adversarial;
    }

    /// <summary>One step of the discriminator on the pictures of the last step.</summary>
    public void Step(StepContext step)
    {
        if (_played.Count == 0) return;
        using var scope = NewDisposeScope();
        using var gradients = enable_grad();
        foreach (var parameter in _discriminator.parameters()) parameter.requires_grad = true;
        Model.Optimizer.ZeroGrad();
        var total = 0.0;
        foreach (var (real, fake) in _played)
        {
            var loss = AdversarialLoss.Discriminator(_discriminator.call(real), _discriminator.call(fake)) / _played.Count;
            Derivatives.Backward(loss);
            total += loss.ToDouble();
        }
        Model.Optimizer.Step();
        step.Log("discriminator", total);
        Forget();
    }

    public void Dispose()
    {
        Forget();
        Model.Dispose();
    }

    private void Forget()
    {
        foreach (var (real, fake) in _played)
        {
            real.Dispose();
            fake.Dispose();
        }
        _played.Clear();
    }
}
