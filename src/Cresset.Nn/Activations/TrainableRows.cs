namespace Cresset.Nn;

/// <summary>The catalog's rows of activations with parameters to train.</summary>
internal static class TrainableRows
{
    public static ActivationInfo[] All => [];
}
