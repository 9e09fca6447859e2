using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>Chooses what reads observations before the fully connected layers.</summary>
internal static class PictureEncoder
{
    /// <summary>The user's encoder, that of the option, or null for none.</summary>
    /// <exception cref="ArgumentException">Convolutions are asked for and observations are not pictures.</exception>
    public static Func<nn.Module<Tensor, Tensor>>? Choose(Space<float> observations, ObservationEncoder encoder,
        Func<nn.Module<Tensor, Tensor>>? own)
        => own ?? (encoder == ObservationEncoder.Conv ? () => Make(observations) : null);

    private static ConvEncoder Make(Space<float> observations)
        => observations is Box { Shape: [var channels, var height, var width] } pictures
            ? new ConvEncoder(channels, height, width, ScaleOf(pictures))
            : throw new ArgumentException(
                $"The observations are {observations}; convolutions need pictures, a Box of shape [channels, height, width]. Use "
                    + $"encoder=mlp.", nameof(observations));

    // Pictures of 0 to 255 are read as 0 to 1; whatever has other bounds is read as it is.
    private static double ScaleOf(Box pictures) =>
        pictures.Low.ContainsAnyExcept(0f) || pictures.High.ContainsAnyExcept(255f) ? 1 : 1.0 / 255;
}
