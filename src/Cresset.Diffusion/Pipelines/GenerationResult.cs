using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Finished pictures. Owns its tensors.</summary>
/// <param name="Pictures">[N, 3, H, W] in 0..1, on the CPU, or null when only latents were wanted.</param>
/// <param name="Latents">[N, C, H/8, W/8].</param>
/// <param name="Notes">What the user should know, for example words that found no room.</param>
public sealed record GenerationResult(Tensor? Pictures, Tensor Latents, IReadOnlyList<string> Notes) : IDisposable
{
    /// <summary>What was asked for; null where prompts were given as embeddings.</summary>
    public GenerationSettings? Settings { get; init; }

    /// <summary>
    /// Writes the pictures as PNG files with their settings in them (<see cref="GenerationSettings.FromPicture"/>); several get -1, -2, ...
    /// before the ending.
    /// </summary>
    /// <param name="path">Such as <c>sd3.png</c>; its folder must exist.</param>
    /// <returns>The files written.</returns>
    /// <exception cref="InvalidOperationException">Only latents were wanted.</exception>
    public IReadOnlyList<string> Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Pictures is null) throw new InvalidOperationException("The run made latents only: call Generate without latentsOnly.");
        if (!Path.GetExtension(path).Equals(".png", StringComparison.OrdinalIgnoreCase))
            throw new ArgumentException($"The path is '{path}'; pictures are written as PNG: end its name in .png.", nameof(path));
        var files = new List<string>();
        for (var i = 0; i < Pictures.size(0); i++)
        {
            var file = Pictures.size(0) == 1 ? path : $"{Path.ChangeExtension(path, null)}-{i + 1}{Path.GetExtension(path)}";
            using var picture = Pictures[i];
            PngFile.Write(file, picture, Settings?.ForPicture(i).ToText() ?? []);
            files.Add(file);
        }
        return files;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Pictures?.Dispose();
        Latents.Dispose();
    }
}
