namespace Cresset.Data;

/// <summary>A place in the endless sequence of batches; all that is needed to go on from there.</summary>
/// <param name="Epoch">Finished passes over the data.</param>
/// <param name="Batch">Batches already taken from the current pass.</param>
public readonly record struct LoaderPosition(int Epoch, int Batch);
