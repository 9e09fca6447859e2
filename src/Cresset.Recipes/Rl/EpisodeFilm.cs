using Cresset.Plots;
using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>Turns played episodes into animated GIFs.</summary>
public static class EpisodeFilm
{
    /// <summary>Writes an episode.</summary>
    /// <param name="path">File to write.</param>
    /// <param name="steps">The episode, its start first.</param>
    /// <returns>Number of frames (every second state where there are more than 25 a second), steps and the sum of the rewards.</returns>
    /// <exception cref="NotSupportedException">The environment has no picture.</exception>
    public static (int Frames, int Steps, double Return) Save(string path, IEnumerable<PlayedStep> steps)
    {
        ArgumentNullException.ThrowIfNull(steps);
        var frames = new List<Picture>();
        var (sum, count, delay) = (0.0, 0, 0.25);
        foreach (var step in steps)
        {
            sum += step.Reward;
            count = step.Step;
            var stride = step.View.FramesPerSecond > 25 ? 2 : 1;
            delay = (double)stride / Math.Max(1, step.View.FramesPerSecond);
            if (step.Step % stride == 0) frames.Add(ToPicture(step.View.Render()));
        }
        AnimatedGif.Save(path, frames, TimeSpan.FromSeconds(delay), TimeSpan.FromSeconds(1));
        return (frames.Count, count, sum);
    }

    private static Picture ToPicture(RgbImage image)
    {
        var rgba = new byte[image.Width * image.Height * 4];
        for (var (from, to) = (0, 0); to < rgba.Length; from += 3, to += 4)
        {
            (rgba[to], rgba[to + 1], rgba[to + 2], rgba[to + 3]) = (image.Pixels[from], image.Pixels[from + 1], image.Pixels[from + 2],
                255);
        }
        return new Picture(image.Width, image.Height, rgba);
    }
}
