namespace Cresset.Benchmarks;

/// <summary>A benchmark.</summary>
/// <param name="Run">What runs it, with the rest of the command line.</param>
/// <param name="Lines">Its arguments in the comparison with the peers, one line a run; none where it has no peer.</param>
internal sealed record Benchmark(Func<string[], int> Run, params string[] Lines);
