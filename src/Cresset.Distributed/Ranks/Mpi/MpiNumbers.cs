namespace Cresset.Distributed;

/// <summary>
/// The handles of an MPI library. The C interface is the same everywhere, its handles are not: Open MPI exports objects, MPICH has 32-bit
/// numbers, the standard ABI of MPI 5 small ones. All fit into a machine word, and are passed as one.
/// </summary>
internal sealed record MpiNumbers
{
    public required string Family { get; init; }

    public required nint World { get; init; }

    public required nint Float { get; init; }

    public required nint Double { get; init; }

    public required nint Byte { get; init; }

    public required nint Sum { get; init; }

    public required nint Max { get; init; }

    public required nint ErrorsReturn { get; init; }

    public required nint InPlace { get; init; }

    public required int ThreadMultiple { get; init; }

    /// <summary>MPICH 3 and later (its ABI has not changed since 3.1), Intel MPI, MVAPICH.</summary>
    public static MpiNumbers Mpich { get; } = new()
    {
        Family = "MPICH",
        World = 0x44000000,
        Float = 0x4c00040a,
        Double = 0x4c00080b,
        Byte = 0x4c00010d,
        Sum = 0x58000003,
        Max = 0x58000001,
        ErrorsReturn = 0x54000001,
        InPlace = -1,
        ThreadMultiple = 3,
    };

    /// <summary>The ABI of the MPI 5.0 standard, appendix A.</summary>
    public static MpiNumbers Standard { get; } = new()
    {
        Family = "MPI 5 ABI",
        World = 0x101,
        Float = 0x210,
        Double = 0x214,
        Byte = 0x247,
        Sum = 0x21,
        Max = 0x23,
        ErrorsReturn = 0x143,
        InPlace = 1,
        ThreadMultiple = 4096,
    };

    /// <summary>Open MPI 4 and 5: the addresses of its exported objects.</summary>
    public static MpiNumbers OpenMpi(Func<string, nint> export) => new()
    {
        Family = "Open MPI",
        World = export("ompi_mpi_comm_world"),
        Float = export("ompi_mpi_float"),
        Double = export("ompi_mpi_double"),
        Byte = export("ompi_mpi_byte"),
        Sum = export("ompi_mpi_op_sum"),
        Max = export("ompi_mpi_op_max"),
        ErrorsReturn = export("ompi_mpi_errors_return"),
        InPlace = 1,
        ThreadMultiple = 3,
    };
}
