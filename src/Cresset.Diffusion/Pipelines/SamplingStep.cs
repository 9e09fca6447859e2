using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// One step of a run in the hands of <see cref="GenerationInputs.OnStep"/>. What is set here holds from the next step on. The tensors it
/// gives are the receiver's and stay valid.
/// </summary>
public sealed class SamplingStep
{
    private readonly Tensor _latents;
    private readonly Tensor _predicted;

    internal SamplingStep(int step, int steps, double sigma, Tensor latents, Tensor predicted, GuidanceOptions guidance)
        => (Step, Steps, Sigma, _latents, _predicted, Guidance) = (step, steps, sigma, latents, predicted, guidance);

    /// <summary>Steps done.</summary>
    public int Step { get; }

    /// <summary>Steps in all.</summary>
    public int Steps { get; }

    /// <summary>Noise level reached, 0 to 1.</summary>
    public double Sigma { get; }

    /// <summary>Latents after the step, [N, C, h, w]; a copy.</summary>
    public Tensor Latents => _latents.clone();

    /// <summary>The data predicted from them, [N, C, h, w]; a copy.</summary>
    public Tensor Predicted => _predicted.clone();

    /// <summary>Guidance of the steps to come. It cannot be turned on in a run that began without, nor off.</summary>
    public GuidanceOptions Guidance { get; set; }

    /// <summary>True when the run ends after this step with the data predicted in it.</summary>
    public bool IsStopped { get; private set; }

    internal Tensor? Replaced { get; private set; }

    internal (PromptEmbedding Wanted, PromptEmbedding? Unwanted)? Prompts { get; private set; }

    /// <summary>Goes on from other latents, [N, C, h, w], which are copied.</summary>
    /// <exception cref="ShapeException">They have another shape.</exception>
    public void Replace(Tensor latents)
    {
        ArgumentNullException.ThrowIfNull(latents);
        if (!latents.shape.SequenceEqual(_latents.shape))
            throw new ShapeException($"The run's latents have the shape {Shape.Text(_latents)}; the new ones have {Shape.Text(latents)}.");
        Replaced?.Dispose();
        Replaced = latents.detach().to(_latents.dtype).to(_latents.device).clone().DetachFromDisposeScope();
    }

    /// <summary>
    /// Follows other prompts from the next step on; they must have the same numbers of tokens and stay valid until the run ends.
    /// </summary>
    public void Follow(PromptEmbedding wanted, PromptEmbedding? unwanted = null)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        Prompts = (wanted, unwanted);
    }

    /// <summary>Ends the run after this step.</summary>
    public void Stop() => IsStopped = true;
}
