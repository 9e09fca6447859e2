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
            if (TorchLibraryResolver.Failure is not { } failure || e.ExceptionObject is not Exception error || !IsOfLoading(error)) return;
            Console.Error.WriteLine(failure.Message);
            Environment.Exit(1);
        };
    }

    /// <summary>Whether an exception comes of libtorch not being there: TorchSharp catches this one and throws its own, over and over, with all that it tried as the message.</summary>
    public static bool IsOfLoading(Exception? error)
    {
        for (; error is not null; error = error.InnerException)
        {
            if (error is LibtorchMissingException or TypeInitializationException { TypeName: "TorchSharp.torch" } || (error is NotSupportedException && error.Source == "TorchSharp")) return true;
        }
        return false;
    }
}
