namespace Cresset.Native.Loading;

/// <summary>libtorch cannot be loaded; the message says in one line why and what to do.</summary>
internal sealed class LibtorchMissingException(string message, Exception? inner = null) : DllNotFoundException(message, inner)
{
    /// <summary>
    /// A program that ends by this exception says its one line and exits with 1: the traces of .NET and of TorchSharp's loader, sixty lines of them,
    /// are about code that nobody who lacks a package has written. <c>CRESSET_DEBUG=1</c> leaves them.
    /// </summary>
    public static void EndWithOneLine()
    {
        AppDomain.CurrentDomain.UnhandledException += (_, e) =>
        {
            if (Environment.GetEnvironmentVariable("CRESSET_DEBUG") is { Length: > 0 }) return;
            for (var error = e.ExceptionObject as Exception; error is not null; error = error.InnerException)
            {
                if (error is not LibtorchMissingException) continue;
                Console.Error.WriteLine(error.Message);
                Environment.Exit(1);
            }
        };
    }
}
