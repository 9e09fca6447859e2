using System.Globalization;

namespace Cresset.Distributed;

/// <summary>Which rank this process is, as whatever started it says in the environment.</summary>
/// <param name="Rank">0 to <paramref name="Size"/> - 1.</param>
/// <param name="Size">All ranks; 0 where only MPI itself knows.</param>
/// <param name="LocalRank">Number on this host; -1 where it is not said.</param>
/// <param name="LocalSize">Ranks of this host; 0 where it is not said.</param>
/// <param name="Source">Who said it: "Open MPI", "PMI", "PMIx", "Slurm", or "" for a process that was started alone.</param>
public sealed record RankPlace(int Rank, int Size, int LocalRank, int LocalSize, string Source)
{
    /// <summary>A process that was started alone.</summary>
    public static RankPlace Alone { get; } = new(0, 1, 0, 1, "");

    /// <summary>Reads the variables of this process.</summary>
    /// <exception cref="CommunicationException">One of them is not a number of that kind.</exception>
    public static RankPlace OfEnvironment() => Of(Environment.GetEnvironmentVariable);

    /// <summary>Reads variables: those of Open MPI first, then PMI (MPICH, Intel MPI), PMIx, and Slurm's own.</summary>
    /// <param name="variable">Gives the value of a name, or null.</param>
    /// <exception cref="CommunicationException">One of them is not a number of that kind.</exception>
    public static RankPlace Of(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        var read = new Reader(variable);
        if (read.Has("OMPI_COMM_WORLD_RANK"))
            return read.Place("Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", read.Number("OMPI_COMM_WORLD_LOCAL_RANK", -1),
                read.Number("OMPI_COMM_WORLD_LOCAL_SIZE", 0));
        if (read.Has("PMI_RANK"))
            return read.Place("PMI", "PMI_RANK", "PMI_SIZE", read.Number("MPI_LOCALRANKID", -1), read.Number("MPI_LOCALNRANKS", 0));
        if (read.Has("PMIX_RANK"))
            return read.Place("PMIx", "PMIX_RANK", read.Has("SLURM_STEP_ID") ? "SLURM_NTASKS" : "", read.Number("SLURM_LOCALID", -1), 0);
        // A batch script has a SLURM_PROCID too, without being a rank: only srun makes a step.
        if (read.Has("SLURM_PROCID") && read.Has("SLURM_STEP_ID"))
            return read.Place("Slurm", "SLURM_PROCID", "SLURM_NTASKS", read.Number("SLURM_LOCALID", -1), 0);
        return Alone;
    }

    private sealed class Reader(Func<string, string?> variable)
    {
        public bool Has(string name) => !string.IsNullOrEmpty(variable(name));

        public int Number(string name, int missing)
        {
            if (!Has(name)) return missing;
            return int.TryParse(variable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new CommunicationException(
                    $"The environment variable {name} is '{variable(name)}'; allowed: a whole number from 0 on. Start the ranks with "
                        + $"mpirun, srun or 'cresset launch', which set it.");
        }

        public RankPlace Place(string source, string rankName, string sizeName, int localRank, int localSize)
        {
            var (rank, size) = (Number(rankName, 0), sizeName.Length == 0 ? 0 : Number(sizeName, 0));
            if (size > 0 && rank >= size)
                throw new CommunicationException(
                    $"The environment says that this is rank {rank} ({rankName}) of {size} ({sizeName}); ranks count from 0 to {size - 1}. "
                        + $"Start the ranks with mpirun, srun or 'cresset launch', which set both.");
            return new RankPlace(rank, size, localRank, localSize, source);
        }
    }
}
