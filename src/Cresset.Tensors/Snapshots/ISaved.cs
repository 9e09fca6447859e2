namespace Cresset.Tensors;

/// <summary>Something whose whole state can be saved and taken up again, bit for bit.</summary>
public interface ISaved
{
    /// <summary>Puts the whole state into <paramref name="state"/>.</summary>
    void Save(Snapshot state);

    /// <summary>
    /// Goes on where <see cref="Save"/> was called, in an object made with the same options. Called through <see cref="Snapshot.Restore"/>,
    /// which undoes a load that fails half-way.
    /// </summary>
    /// <exception cref="InvalidDataException">The state belongs to something else, or a part of it is missing.</exception>
    void Load(Snapshot state);
}
