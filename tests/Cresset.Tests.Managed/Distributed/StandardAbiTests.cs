using Cresset.Distributed;
using Xunit;

namespace Cresset.Tests.Managed.Distributed;

/// <summary>
/// The ABI of MPI 5 against a small library that knows its published numbers alone: it plays two ranks with equal values, and refuses every
/// other handle. No system brings such a library yet.
/// </summary>
public sealed class StandardAbiTests
{
    private const string Source = """
        #include <string.h>
        typedef void *H;
        #define WORLD ((H)0x101)
        static int size_of(H type) { return type == (H)0x210 ? 4 : type == (H)0x214 ? 8 : type == (H)0x247 ? 1 : 0; }
        static int initialised;
        int MPI_Get_library_version(char *text, int *length) { strcpy(text, "two equal ranks, 1.0"); *length = strlen(text); return 0; }
        int MPI_Initialized(int *flag) { *flag = initialised; return 0; }
        int MPI_Init_thread(int *argc, char ***argv, int wanted, int *got) { initialised = 1; *got = wanted; return wanted == 4096 ? 0 : 1; }
        int MPI_Finalize(void) { return 0; }
        int MPI_Comm_rank(H comm, int *rank) { *rank = 0; return comm == WORLD ? 0 : 5; }
        int MPI_Comm_size(H comm, int *size) { *size = 2; return comm == WORLD ? 0 : 5; }
        int MPI_Comm_set_errhandler(H comm, H handler) { return comm == WORLD && handler == (H)0x143 ? 0 : 7; }
        int MPI_Error_string(int code, char *text, int *length) { strcpy(text, "wrong handle"); *length = strlen(text); return 0; }
        int MPI_Allreduce(void *from, void *to, int count, H type, H op, H comm) {
            int i;
            if (from != (void *)1 || comm != WORLD || (op != (H)0x21 && op != (H)0x23)) return 9;
            if (op == (H)0x23) return 0;
            if (size_of(type) == 4) for (i = 0; i < count; i++) ((float *)to)[i] *= 2;
            else if (size_of(type) == 8) for (i = 0; i < count; i++) ((double *)to)[i] *= 2;
            else return 3;
            return 0;
        }
        int MPI_Iallreduce(void *from, void *to, int count, H type, H op, H comm, H *request) { *request = (H)0x999; return MPI_Allreduce(from, to, count, type, op, comm); }
        int MPI_Test(H *request, int *flag, void *status) { int known = *request == (H)0x999; memset(status, 0, 32); *flag = 1; *request = (H)0x180; return known ? 0 : 8; }
        int MPI_Wait(H *request, void *status) { int flag; return MPI_Test(request, &flag, status); }
        int MPI_Bcast(void *data, int count, H type, int root, H comm) { return size_of(type) == 1 && comm == WORLD && root < 2 ? 0 : 3; }
        int MPI_Allgather(void *from, int n, H a, void *to, int m, H b, H comm) {
            if (size_of(a) != 1 || a != b || n != m || comm != WORLD) return 3;
            memcpy(to, from, n);
            memcpy((char *)to + n, from, n);
            return 0;
        }
        int MPI_Allgatherv(void *from, int n, H a, void *to, int *counts, int *starts, H b, H comm) {
            int r;
            if (size_of(a) != 1 || a != b || comm != WORLD) return 3;
            for (r = 0; r < 2; r++) memcpy((char *)to + starts[r], from, counts[r]);
            return 0;
        }
        int MPI_Barrier(H comm) { return comm == WORLD ? 0 : 5; }
        int MPI_Abort(H comm, int code) { return 0; }
        """;

    [Fact]
    public void ThePublishedNumbersAreUsed()
    {
        var folder = Directory.CreateTempSubdirectory("cresset-abi");
        try
        {
            var (source, library) = (Path.Combine(folder.FullName, "abi.c"), Path.Combine(folder.FullName, "libmpi_abi.so.0"));
            File.WriteAllText(source, Source);
            Assert.SkipWhen(!NativeStub.Compiles(source, library),
                "not run: this machine has no C compiler (cc) to make the stand-in for an MPI 5 library");
            using ICommunicator ranks = MpiCommunicator.Start(MpiLibrary.Load(RankPlace.Alone, library),
                new RankPlace(0, 2, -1, 0, "PMIx"));
            Assert.Equal((0, 2, 0, 2), (ranks.Rank, ranks.Size, ranks.LocalRank, ranks.LocalSize));
            Assert.Equal("2 ranks by two equal ranks", ranks.Description);
            float[] small = [1, 2.5f];
            double[] large = [3, -4];
            ranks.AllReduce(small);
            ranks.AllReduce(large);
            Assert.Equal([2, 5], small);
            Assert.Equal([6, -8], large);
            ranks.AllReduce(large, Reduction.Max);
            Assert.Equal([6, -8], large);
            float[] begun = [1, 7], other = [3];
            var (first, second) = (ranks.StartSum(begun), ranks.StartSum(other));
            second.Wait();
            Assert.True(first.Poke() && first.Poke());
            first.Wait();
            Assert.Equal([2, 14], begun);
            Assert.Equal([6], other);
            ranks.Broadcast(new byte[9], 1);
            Assert.All(ranks.Gather([1, 2, 3]), part => Assert.Equal([1, 2, 3], part));
            ranks.Barrier();
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
