namespace Cresset.Nn;

/// <summary>
/// Whose resizing to repeat: libraries differ in positions, in the cubic's shape, at the edges, and in whether shrinking averages.
/// </summary>
public enum ResizeConvention
{
    /// <summary>Pillow's Image.resize: shrinking averages; uint8 pictures are the same bit for bit.</summary>
    Pillow,

    /// <summary>OpenCV's resize: no averaging but for Area, cubic with a = -0.75; uint8 pictures differ by 1 at most.</summary>
    OpenCv,

    /// <summary>MATLAB's imresize: shrinking averages unless switched off, edges are mirrored.</summary>
    Matlab,

    /// <summary>jax.image.resize: shrinking averages unless switched off, weights are normalised over the pixels there are.</summary>
    Jax,
}

/// <summary>How pixels between pixels are found.</summary>
public enum ResizeKernel
{
    /// <summary>The pixel that is nearest.</summary>
    Nearest,

    /// <summary>The mean over the pixel's own width.</summary>
    Box,

    /// <summary>A triangle.</summary>
    Bilinear,

    /// <summary>Pillow's Hamming window: sharper than bilinear, as cheap.</summary>
    Hamming,

    /// <summary>Keys' cubic, a = -0.5 (OpenCV: -0.75).</summary>
    Bicubic,

    /// <summary>A windowed sinc of 4 pixels.</summary>
    Lanczos2,

    /// <summary>A windowed sinc of 6 pixels.</summary>
    Lanczos3,

    /// <summary>A windowed sinc of 8 pixels.</summary>
    Lanczos4,

    /// <summary>A windowed sinc of 10 pixels.</summary>
    Lanczos5,

    /// <summary>OpenCV's Area: the mean over the area that falls on each result; where a side grows, linear steps.</summary>
    Area,
}
