using Cresset.Distributed;
using Xunit;

namespace Cresset.Tests.Managed.Distributed;

/// <summary>Which rank a process is, by what starters of jobs leave in the environment.</summary>
public sealed class RankPlaceTests
{
    [Theory]
    [InlineData("", 0, 1, 0, 1, "")]
    [InlineData("OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_SIZE=8 OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=2", 3, 8, 1, 2,
        "Open MPI")]
    [InlineData("PMI_RANK=1 PMI_SIZE=2 MPI_LOCALRANKID=1 MPI_LOCALNRANKS=2", 1, 2, 1, 2, "PMI")]
    [InlineData("PMI_RANK=1 PMI_SIZE=2", 1, 2, -1, 0, "PMI")]
    [InlineData("PMIX_RANK=2", 2, 0, -1, 0, "PMIx")]
    [InlineData("PMIX_RANK=2 SLURM_STEP_ID=0 SLURM_PROCID=2 SLURM_NTASKS=4 SLURM_LOCALID=0", 2, 4, 0, 0, "PMIx")]
    [InlineData("SLURM_PROCID=5 SLURM_NTASKS=6 SLURM_LOCALID=1 SLURM_STEP_ID=0", 5, 6, 1, 0, "Slurm")]
    // A batch script is not a rank, though Slurm numbers it like one.
    [InlineData("SLURM_PROCID=0 SLURM_NTASKS=6 SLURM_LOCALID=0", 0, 1, 0, 1, "")]
    // mpirun inside a Slurm job: what started the process says which rank it is.
    [InlineData("OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=2 SLURM_PROCID=0 SLURM_NTASKS=1 SLURM_STEP_ID=0 PMIX_RANK=0", 0, 2, -1, 0,
        "Open MPI")]
    public void TheEnvironmentSaysWhichRank(string variables, int rank, int size, int localRank, int localSize, string source)
        => Assert.Equal(new RankPlace(rank, size, localRank, localSize, source), Of(variables));

    [Theory]
    [InlineData("OMPI_COMM_WORLD_RANK=x OMPI_COMM_WORLD_SIZE=2", "OMPI_COMM_WORLD_RANK is 'x'")]
    [InlineData("OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=-2", "OMPI_COMM_WORLD_SIZE is '-2'")]
    [InlineData("PMI_RANK=2 PMI_SIZE=2", "rank 2 (PMI_RANK) of 2 (PMI_SIZE)")]
    public void WhatIsNoRankIsNamed(string variables, string said)
    {
        var message = Assert.Throws<CommunicationException>(() => Of(variables)).Message;
        Assert.Contains(said, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    private static RankPlace Of(string variables)
    {
        var all = variables.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(v => v.Split('=')).ToDictionary(v => v[0], v => v[1]);
        return RankPlace.Of(name => all.GetValueOrDefault(name));
    }
}
