using System.CommandLine;
using Cresset.Cli;

// A synchronous Main without an await: training must stay on the main thread, where glibc keeps freed memory.
return ErrorBoundary.Run(() => CommandTree.Create().Parse(args).Run());
