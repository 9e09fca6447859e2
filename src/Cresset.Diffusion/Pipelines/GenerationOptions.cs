using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>How to make pictures.</summary>
public sealed record GenerationOptions : IOptionsRecord
{
    /// <summary>Width in pixels, a multiple of 16 for the released models.</summary>
    public int Width { get; init; } = 1024;

    /// <summary>Height in pixels, a multiple of 16 for the released models.</summary>
    public int Height { get; init; } = 1024;

    /// <summary>Number of steps.</summary>
    public int Steps { get; init; } = 28;

    /// <summary>Guidance.</summary>
    public GuidanceOptions Guidance { get; init; } = new();

    /// <summary>Sampler; null takes the checkpoint's, which is Euler's unless its scheduler says another.</summary>
    public SamplerOptions? Sampler { get; init; }

    /// <summary>Noise levels; null takes the checkpoint's.</summary>
    public ScheduleOptions? Schedule { get; init; }

    /// <summary>Noise levels in full (falling, without the closing 0), shifted once; null computes them from <see cref="Steps"/>.</summary>
    public IReadOnlyList<double>? Sigmas { get; init; }

    /// <summary>Seed. Picture i of several is the one that seed + i gives alone.</summary>
    public ulong Seed { get; init; }

    /// <summary>Number of pictures.</summary>
    public int Count { get; init; } = 1;

    /// <summary>How far to leave the initial picture: 0 keeps it, 1 ignores it.</summary>
    public double Strength { get; init; } = 0.6;

    /// <summary>Layers of CLIP to leave out beyond the last one; for the prompt, not for the negative prompt.</summary>
    public int ClipSkip { get; init; }

    /// <summary>Tokens for T5.</summary>
    public int T5Length { get; init; } = 256;

    /// <summary>Element type whose random numbers the starting noise has: a seed gives other numbers for each.</summary>
    public NoiseLike NoiseLike { get; init; }

    /// <summary>Put the initial picture's own pixels back where the mask is 0; otherwise they come through the autoencoder.</summary>
    public bool KeepUntouched { get; init; } = true;

    /// <summary>Strength of the ControlNet.</summary>
    public double ControlScale { get; init; } = 1;

    /// <summary>Part of the steps at which the ControlNet begins.</summary>
    public double ControlStart { get; init; }

    /// <summary>Part of the steps at which the ControlNet ends.</summary>
    public double ControlEnd { get; init; } = 1;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Positive(Width)
        .Positive(Height)
        .AtLeast(Steps, 1, "28 is usual for SD3, 4 for the turbo model.")
        .AtLeast(Count, 1)
        .Within(Strength, 0, 1)
        .Finite(ControlScale)
        .AtLeast(ClipSkip, 0)
        .AtLeast(T5Length, 1)
        .Defined(NoiseLike)
        .Within(ControlStart, 0, 1)
        .Within(ControlEnd, 0, 1)
        .Nested(Guidance)
        .Nested(Sampler)
        .Nested(Schedule);
}

/// <summary>Pictures and tensors that a run starts from; all optional, and all stay the caller's.</summary>
public sealed record GenerationInputs
{
    /// <summary>
    /// Noise to start from instead of drawing it, [N, C, H/8, W/8]; with <see cref="Picture"/> it is the noise mixed into the picture at
    /// the level of the first step, where diffusers' img2img pipeline takes it as the noisy latents themselves and ignores picture and
    /// strength.
    /// </summary>
    public Tensor? Latents { get; init; }

    /// <summary>Picture to change, [1, 3, H, W] in 0..1, or a latent [1, C, H/8, W/8]; or one for each picture made.</summary>
    public Tensor? Picture { get; init; }

    /// <summary>
    /// Where to paint anew: [1, 1, H, W] or one for each picture, 1 repaints, 0 keeps; in between the picture is let go after that part of
    /// the steps (Levin and Fried 2023): 0.25 changes it in the last quarter alone. Needs <see cref="Picture"/>.
    /// </summary>
    public Tensor? Mask { get; init; }

    /// <summary>Picture for the ControlNet, [1, 3, H, W] in 0..1, or one for each picture made.</summary>
    public Tensor? Control { get; init; }

    /// <summary>Mask beside the control picture, for inpainting ControlNets, [1, 1, H, W].</summary>
    public Tensor? ControlMask { get; init; }

    /// <summary>Called after each step, on the calling thread: it may change latents, guidance and prompts, or stop the run.</summary>
    public Action<SamplingStep>? OnStep { get; init; }
}

/// <summary>
/// One finished step, for progress displays. Its tensors are the receiver's and stay valid; disposing frees them at once.
/// </summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Latents">Latents after the step, [N, C, h, w].</param>
/// <param name="Predicted">The data predicted from them, [N, C, h, w].</param>
public sealed record GenerationStep(int Step, int Steps, Tensor Latents, Tensor Predicted) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Latents.Dispose();
        Predicted.Dispose();
    }
}
