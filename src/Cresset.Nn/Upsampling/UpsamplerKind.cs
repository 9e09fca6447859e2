namespace Cresset.Nn;

/// <summary>How a decoder doubles the resolution of [N, C, H, W].</summary>
public enum UpsamplerKind
{
    /// <summary>Transposed convolution whose kernel the stride covers evenly (2 x scale, less 1 for odd scales).</summary>
    Transposed,

    /// <summary>Nearest neighbours, then a 3x3 convolution (Odena et al. 2016).</summary>
    Nearest,

    /// <summary>Bilinear interpolation, then a 3x3 convolution.</summary>
    Bilinear,

    /// <summary>Convolution to scale^2 times the channels, then pixel shuffle, with ICNR weights (Shi et al. 2016, Aitken et al. 2017).</summary>
    PixelShuffle,

    /// <summary>Content-aware reassembly (Wang et al. 2019), then a 3x3 convolution.</summary>
    Carafe,

    /// <summary>Bilinear sampling at learned places (Liu et al. 2023), then a 3x3 convolution.</summary>
    DySample,
}
