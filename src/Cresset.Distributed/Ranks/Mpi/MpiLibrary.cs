using System.Runtime.InteropServices;
using System.Text;

namespace Cresset.Distributed;

/// <summary>
/// An MPI library of this machine, loaded by name: no build knows of it, and it is looked for only when there is more than one rank.
/// </summary>
internal sealed unsafe partial class MpiLibrary
{
    private static readonly string[] OpenMpiNames = OperatingSystem.IsMacOS() ? ["libmpi.40.dylib", "libmpi.dylib"]
        : ["libmpi.so.40", "libmpi.so"];
    private static readonly string[] MpichNames = OperatingSystem.IsMacOS() ? ["libmpi.12.dylib", "libmpich.dylib"]
        : ["libmpich.so.12", "libmpi.so.12", "libmpich.so"];
    private static readonly string[] StandardNames = OperatingSystem.IsMacOS() ? ["libmpi_abi.0.dylib"] : ["libmpi_abi.so.0"];

    private readonly nint _handle;

    private MpiLibrary(nint handle, string name)
    {
        (_handle, Name) = (handle, name);
        Version = ReadVersion();
        Numbers = Find();
        InitThread = (delegate* unmanaged[Cdecl]<int*, byte***, int, int*, int>)Export("MPI_Init_thread");
        Initialized = (delegate* unmanaged[Cdecl]<int*, int>)Export("MPI_Initialized");
        Finalize = (delegate* unmanaged[Cdecl]<int>)Export("MPI_Finalize");
        CommRank = (delegate* unmanaged[Cdecl]<nint, int*, int>)Export("MPI_Comm_rank");
        CommSize = (delegate* unmanaged[Cdecl]<nint, int*, int>)Export("MPI_Comm_size");
        SetErrorHandler = (delegate* unmanaged[Cdecl]<nint, nint, int>)Export("MPI_Comm_set_errhandler");
        ErrorString = (delegate* unmanaged[Cdecl]<int, byte*, int*, int>)Export("MPI_Error_string");
        AllReduce = (delegate* unmanaged[Cdecl]<nint, void*, int, nint, nint, nint, int>)Export("MPI_Allreduce");
        StartAllReduce = (delegate* unmanaged[Cdecl]<nint, void*, int, nint, nint, nint, void*, int>)Export("MPI_Iallreduce");
        Test = (delegate* unmanaged[Cdecl]<void*, int*, void*, int>)Export("MPI_Test");
        WaitFor = (delegate* unmanaged[Cdecl]<void*, void*, int>)Export("MPI_Wait");
        Broadcast = (delegate* unmanaged[Cdecl]<void*, int, nint, int, nint, int>)Export("MPI_Bcast");
        AllGather = (delegate* unmanaged[Cdecl]<void*, int, nint, void*, int, nint, nint, int>)Export("MPI_Allgather");
        AllGatherParts = (delegate* unmanaged[Cdecl]<void*, int, nint, void*, int*, int*, nint, nint, int>)Export("MPI_Allgatherv");
        Barrier = (delegate* unmanaged[Cdecl]<nint, int>)Export("MPI_Barrier");
        Abort = (delegate* unmanaged[Cdecl]<nint, int, int>)Export("MPI_Abort");
    }

    /// <summary>The file that was loaded.</summary>
    public string Name { get; }

    /// <summary>What it says of itself, the first line.</summary>
    public string Version { get; }

    /// <summary>Its handles.</summary>
    public MpiNumbers Numbers { get; }

    public delegate* unmanaged[Cdecl]<int*, byte***, int, int*, int> InitThread { get; }

    public delegate* unmanaged[Cdecl]<int*, int> Initialized { get; }

    public delegate* unmanaged[Cdecl]<int> Finalize { get; }

    public delegate* unmanaged[Cdecl]<nint, int*, int> CommRank { get; }

    public delegate* unmanaged[Cdecl]<nint, int*, int> CommSize { get; }

    public delegate* unmanaged[Cdecl]<nint, nint, int> SetErrorHandler { get; }

    public delegate* unmanaged[Cdecl]<int, byte*, int*, int> ErrorString { get; }

    public delegate* unmanaged[Cdecl]<nint, void*, int, nint, nint, nint, int> AllReduce { get; }

    public delegate* unmanaged[Cdecl]<nint, void*, int, nint, nint, nint, void*, int> StartAllReduce { get; }

    public delegate* unmanaged[Cdecl]<void*, int*, void*, int> Test { get; }

    public delegate* unmanaged[Cdecl]<void*, void*, int> WaitFor { get; }

    public delegate* unmanaged[Cdecl]<void*, int, nint, int, nint, int> Broadcast { get; }

    public delegate* unmanaged[Cdecl]<void*, int, nint, void*, int, nint, nint, int> AllGather { get; }

    public delegate* unmanaged[Cdecl]<void*, int, nint, void*, int*, int*, nint, nint, int> AllGatherParts { get; }

    public delegate* unmanaged[Cdecl]<nint, int> Barrier { get; }

    public delegate* unmanaged[Cdecl]<nint, int, int> Abort { get; }

    /// <summary>The library that fits whatever started this rank, or the one that was named.</summary>
    /// <exception cref="CommunicationException">There is none, or it is of a kind that is not known.</exception>
    /// <param name="place">What started this rank.</param>
    /// <param name="named">The library to load and no other; null or empty to look for one.</param>
    /// <param name="candidates">Names to try; null for those that are known.</param>
    public static MpiLibrary Load(RankPlace place, string? named, IReadOnlyList<string>? candidates = null)
    {
        Settings();
        if (!string.IsNullOrEmpty(named))
        {
            return NativeLibrary.TryLoad(named, out var given)
                ? new MpiLibrary(given, named)
                : throw new CommunicationException(
                    $"{Communicator.LibraryVariable} is '{named}': that library cannot be loaded. Name an existing file such as "
                        + $"/usr/lib/x86_64-linux-gnu/libmpi.so.40, or unset the variable.");
        }
        candidates ??= place.Source == "PMI" ? [.. MpichNames, .. StandardNames, .. OpenMpiNames]
            : [.. OpenMpiNames, .. MpichNames, .. StandardNames];
        foreach (var name in candidates)
        {
            if (NativeLibrary.TryLoad(name, out var handle)) return new MpiLibrary(handle, name);
        }
        throw new CommunicationException(
            $"{(place.Size > 0 ? place.Size.ToString(System.Globalization.CultureInfo.InvariantCulture) : "Several")} ranks were asked "
                + $"for, and this machine has no MPI library: install one on every host (Debian and Ubuntu: apt-get install openmpi-bin; "
            + $"Fedora: dnf install openmpi), or name its file in {Communicator.LibraryVariable}. One process needs none.");
    }

    /// <summary>Throws for an error code.</summary>
    public void Check(int code, string call)
    {
        if (code == 0) return;
        // 8192 bytes hold the longest text of every library.
        var text = stackalloc byte[8192];
        int length;
        var words = ErrorString(code, text, &length) == 0 ? Encoding.UTF8.GetString(text, length) : $"error {code}";
        throw new CommunicationException($"{call} failed ({Numbers.Family}): {words}");
    }

    // What the libraries read when they are loaded, unless a user has set it. They read the environment of C, which .NET's own variables do
    // not reach.
    private static void Settings()
    {
        if (OperatingSystem.IsWindows())
            throw new CommunicationException(
                "Several ranks need Open MPI or MPICH, which Windows does not have; run them under Linux (WSL) or macOS.");
        // UCX, which some builds carry messages with, takes SIGSEGV for itself, and with it every NullReferenceException of .NET.
        SetVariable("UCX_ERROR_SIGNALS", "", 0);
        // Open MPI sends sums that are begun and not waited for up a tree and down again, all bytes each way, when they replace their
        // addends as ours do: for two ranks and a bucket of 1 MiB 0.39 ms against 0.27 (TCP), 0.31 against 0.19 (shared memory).
        // Rabenseifner's way (3) scatters and gathers halves.
        SetVariable("OMPI_MCA_coll_libnbc_iallreduce_algorithm", "3", 0);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);

    private nint Export(string name)
        => NativeLibrary.TryGetExport(_handle, name, out var address) ? address
            : throw new CommunicationException(
                $"{Name} lacks {name}: it is not a complete MPI library. Name another one in {Communicator.LibraryVariable}.");

    private string ReadVersion()
    {
        if (!NativeLibrary.TryGetExport(_handle, "MPI_Get_library_version", out var address)) return "";
        var text = stackalloc byte[8192];
        int length;
        return ((delegate* unmanaged[Cdecl]<byte*, int*, int>)address)(text, &length) == 0
            ? Encoding.UTF8.GetString(text, Math.Max(0, length)).Split('\n')[0].Trim('\0', ' ') : "";
    }

    private MpiNumbers Find()
    {
        if (NativeLibrary.TryGetExport(_handle, "ompi_mpi_comm_world", out _)) return MpiNumbers.OpenMpi(Export);
        // The standard ABI has a library name of its own; MPICH builds both.
        if (Path.GetFileName(Name).StartsWith("libmpi_abi", StringComparison.Ordinal)) return MpiNumbers.Standard;
        string[] relatives = ["MPICH", "Intel", "MVAPICH", "CRAY"];
        if (relatives.Any(r => Version.Contains(r, StringComparison.OrdinalIgnoreCase))) return MpiNumbers.Mpich;
        throw new CommunicationException(
            $"{Name} is an MPI library of a kind that is not known ('{Version}'); known are Open MPI, MPICH and its relatives, and the MPI "
                + $"5 ABI (libmpi_abi). Name another one in {Communicator.LibraryVariable}.");
    }
}
