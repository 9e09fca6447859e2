using Cresset.Tensors;

namespace Cresset.Diffusion;

public sealed partial class StableDiffusion3
{
    /// <summary>
    /// Loads a diffusers folder (sharded or not) or a single file of Stability's (safetensors or GGUF, with or without text encoders).
    /// Weights are mapped, not copied, where the element type may stay; matrices in 8 bits or fewer stay as they are stored.
    /// </summary>
    /// <param name="path">Folder or file.</param>
    /// <param name="options">Element type, device, parts to leave out or take from elsewhere.</param>
    /// <param name="progress">Names of the parts as they are loaded, then the <see cref="Notes"/>.</param>
    /// <param name="cancellation">Stops between two tensors.</param>
    /// <exception cref="InvalidDataException">The path is not a Stable Diffusion 3 checkpoint (the message says what it looks like) or a
    /// file is damaged.</exception>
    /// <exception cref="CheckpointException">Tensors are missing or have other shapes.</exception>
    public static StableDiffusion3 Load(string path, LoadOptions? options = null, IProgress<string>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options = (options ?? new LoadOptions()).Checked();
        using var files = CheckpointFiles.Open(path, options);
        using var loader = new PartLoader(files, options, progress, cancellation);
        var model = loader.Load();
        foreach (var note in model.Notes) progress?.Report(note);
        return model;
    }

    /// <summary>
    /// What the user should know about the checkpoint: parts that were left out and why, keys of the files that no part uses.
    /// </summary>
    public IReadOnlyList<string> Notes { get; internal init; } = [];
}
