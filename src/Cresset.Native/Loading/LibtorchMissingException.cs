using System.Diagnostics;
using System.Reflection;

namespace Cresset.Native.Loading;

/// <summary>libtorch cannot be loaded; the message says in one line why and what to do.</summary>
internal sealed class LibtorchMissingException(string message, Exception? inner = null) : DllNotFoundException(message, inner)
{
    private static int _ends;

    /// <summary>
    /// A program that would end by what TorchSharp now throws says its one line and exits with 1: the traces of .NET and of TorchSharp's
    /// loader, sixty lines of them, are about code that nobody who lacks a package has written. The runtime writes them before it tells
    /// anybody, so that it must be foreseen whether somebody catches the exception.
    /// <c>CRESSET_DEBUG=1</c> leaves the traces.
    /// </summary>
    public static void EndWithOneLine()
    {
        if (Environment.GetEnvironmentVariable("CRESSET_DEBUG") is { Length: > 0 } || Interlocked.Exchange(ref _ends, 1) != 0) return;
        Console.SetOut(new LoadingTraceFilter(Console.Out));
        AppDomain.CurrentDomain.FirstChanceException += (_, e) =>
        {
            if (TorchLibraryResolver.Failure is not { } failure
                || e.Exception is not TypeInitializationException { TypeName: "TorchSharp.torch" } || IsCaught(e.Exception)) return;
            Console.Error.WriteLine(failure.Message);
            Environment.Exit(1);
        };
    }

    /// <summary>
    /// Whether an exception comes of libtorch not being there: TorchSharp catches this one and throws its own, over and over, with all that
    /// it tried as the message.
    /// </summary>
    public static bool IsOfLoading(Exception? error)
    {
        for (; error is not null; error = error.InnerException)
        {
            if (error is LibtorchMissingException or TypeInitializationException { TypeName: "TorchSharp.torch" }
                || (error is NotSupportedException && error.Source == "TorchSharp")) return true;
        }
        return false;
    }

    // Looks through the methods that are running, from the one that threw outwards; a method that cannot be looked into counts as one that
    // catches.
    private static bool IsCaught(Exception error)
    {
        var frames = new StackTrace(fNeedFileInfo: false).GetFrames()
            .SkipWhile(frame => frame.GetMethod() is not { } method || IsOfTheDispatch(method));
        return frames.Any(frame => frame.GetMethod() is { } method && Catches(method, frame.GetILOffset(), error));
    }

    // This class, and the runtime's own code that raises the event.
    private static bool IsOfTheDispatch(MethodBase method) =>
        method.Module.Assembly == typeof(object).Assembly || method.Module == typeof(LibtorchMissingException).Module;

    private static bool Catches(MethodBase method, int place, Exception error)
    {
        try
        {
            return method.GetMethodBody() is { } body && body.ExceptionHandlingClauses.Any(clause => Surrounds(clause, place)
                && (clause.Flags == ExceptionHandlingClauseOptions.Filter
                    || (clause.Flags == ExceptionHandlingClauseOptions.Clause && clause.CatchType?.IsInstanceOfType(error) != false)));
        }
        catch (Exception e) when (e is InvalidOperationException or NotSupportedException or TypeLoadException or FileNotFoundException)
        {
            return true;
        }
    }

    private static bool Surrounds(ExceptionHandlingClause clause, int place)
        => place == StackFrame.OFFSET_UNKNOWN || (place >= clause.TryOffset && place < clause.TryOffset + clause.TryLength);
}
