using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Turns, shifts, stretches and slants each image of a batch at random (bilinear, black outside).</summary>
internal static class RandomAffine
{
    /// <param name="images">[N, C, H, W].</param>
    /// <param name="degrees">Largest turn.</param>
    /// <param name="pixels">Largest shift.</param>
    /// <param name="stretch">Largest change of size and slant, as a share.</param>
    /// <param name="generator">Where the draws come from.</param>
    public static Tensor Apply(Tensor images, double degrees, double pixels, double stretch, Generator generator)
    {
        using var scope = NewDisposeScope();
        long n = images.size(0), height = images.size(2), width = images.size(3);
        Tensor Draw(double largest) => rand(n, generator: generator, device: images.device).mul_(2 * largest).sub_(largest);
        Tensor angle = Draw(degrees * Math.PI / 180), scaleX = Draw(stretch).add_(1), scaleY = Draw(stretch).add_(1), slant = Draw(stretch);
        Tensor cos = angle.cos(), sin = angle.sin();
        // Rows of the map from output to input coordinates; a pixel is 2/size in the units of the grid.
        var row1 = stack([cos * scaleX, (slant * cos) - (sin * scaleY), Draw(2 * pixels / width)], 1);
        var row2 = stack([sin * scaleX, (slant * sin) + (cos * scaleY), Draw(2 * pixels / height)], 1);
        var grid = nn.functional.affine_grid(stack([row1, row2], 1), images.shape, align_corners: false);
        return nn.functional.grid_sample(images, grid, GridSampleMode.Bilinear, GridSamplePaddingMode.Zeros, align_corners: false)
            .MoveToOuterDisposeScope();
    }
}
