using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>The two sides of a VQGAN's game (Esser et al. 2020, arXiv:2012.09841).</summary>
public static class AdversarialLoss
{
    /// <summary>
    /// What the discriminator minimises: hinge on logits of real and of reconstructed images, (E max(0, 1 - real) + E max(0, 1 + fake)) /
    /// 2.
    /// </summary>
    public static Tensor Discriminator(Tensor real, Tensor fake)
    {
        ArgumentNullException.ThrowIfNull(real);
        ArgumentNullException.ThrowIfNull(fake);
        using var scope = NewDisposeScope();
        return (0.5 * ((1 - real).relu().mean() + (1 + fake).relu().mean())).MoveToOuterDisposeScope();
    }

    /// <summary>What the decoder minimises: minus the mean logit of its reconstructions.</summary>
    public static Tensor Generator(Tensor fake)
    {
        ArgumentNullException.ThrowIfNull(fake);
        using var scope = NewDisposeScope();
        return (-fake.mean()).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The weight that makes both losses pull equally at the decoder's last layer: |d reconstruction / dW| / (|d adversarial / dW| + 1e-4),
    /// at most 1e4, detached (eq. 7).
    /// </summary>
    public static Tensor AdaptiveWeight(Tensor reconstructionLoss, Tensor adversarialLoss, Tensor lastLayerWeight)
    {
        ArgumentNullException.ThrowIfNull(reconstructionLoss);
        ArgumentNullException.ThrowIfNull(adversarialLoss);
        ArgumentNullException.ThrowIfNull(lastLayerWeight);
        using var scope = NewDisposeScope();
        var ours = Norm(reconstructionLoss, lastLayerWeight, nameof(reconstructionLoss));
        var theirs = Norm(adversarialLoss, lastLayerWeight, nameof(adversarialLoss));
        return (ours / (theirs + 1e-4)).clamp(0, 1e4).detach().MoveToOuterDisposeScope();
    }

    private static Tensor Norm(Tensor loss, Tensor weight, string name)
        => Derivatives.Of([loss], [weight], retainGraph: true)[0]?.norm()
            ?? throw new ArgumentException($"The {name} does not depend on the weight of the last layer.", name);
}
