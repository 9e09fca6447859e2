// libtorch has one global random stream and one thread pool: tests that seed or time it must not run side by side.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
