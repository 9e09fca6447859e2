namespace Cresset.Distributed;

/// <summary>Opens the communicator that the environment of this process asks for.</summary>
public static class Communicator
{
    /// <summary>Names the MPI library to load, by path or name, where the system has several.</summary>
    public const string LibraryVariable = "CRESSET_MPI";

    /// <summary>
    /// One process where this one was started alone or as the only rank, without looking for MPI; otherwise MPI, initialised once a
    /// process. Dispose of it when all is done.
    /// </summary>
    /// <exception cref="CommunicationException">There is no MPI library, or it does not join the ranks that the environment
    /// promises.</exception>
    public static ICommunicator Open() => Open(RankPlace.OfEnvironment());

    /// <summary>The same for a place that is known.</summary>
    /// <param name="place">Which rank this is.</param>
    /// <exception cref="CommunicationException">There is no MPI library, or it does not join the ranks that the environment
    /// promises.</exception>
    public static ICommunicator Open(RankPlace place)
    {
        ArgumentNullException.ThrowIfNull(place);
        if (place.Size == 1) return OneProcess.Instance;
        var library = MpiLibrary.Load(place, Environment.GetEnvironmentVariable(LibraryVariable));
        return MpiCommunicator.Start(library, place);
    }
}
