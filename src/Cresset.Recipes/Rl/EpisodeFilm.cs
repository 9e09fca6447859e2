using Cresset.Plots;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>Turns played episodes into animated GIFs.</summary>
public static class EpisodeFilm
{
    /// <summary>Writes an episode.</summary>
    /// <param name="path">File to write.</param>
    /// <param name="steps">The episode, its start first.</param>
    /// <returns>Number of frames and the sum of the rewards.</returns>
    /// <exception cref="NotSupportedException">The environment has no picture.</exception>
    public static (int Frames, double Return) Save(string path, IEnumerable<PlayedStep> steps)
    {
        ArgumentNullException.ThrowIfNull(steps);
        var frames = new List<Picture>();
        var (sum, delay) = (0.0, 0.25);
        foreach (var step in steps)
        {
            sum += step.Reward;
            delay = 1.0 / Math.Max(1, step.View.FramesPerSecond);
            frames.Add(ToPicture(step.View.Render()));
        }
        AnimatedGif.Save(path, frames, TimeSpan.FromSeconds(delay), TimeSpan.FromSeconds(1));
        return (frames.Count, sum);
    }

    private static Picture ToPicture(RgbImage image)
    {
        var rgba = new byte[image.Width * image.Height * 4];
        for (var (from, to) = (0, 0); to < rgba.Length; from += 3, to += 4)
        {
            (rgba[to], rgba[to + 1], rgba[to + 2], rgba[to + 3]) = (image.Pixels[from], image.Pixels[from + 1], image.Pixels[from + 2], 255);
        }
        return new Picture(image.Width, image.Height, rgba);
    }
}
