using System.Runtime.InteropServices;
using Cresset.Native.Loading;
using Cresset.Numerics;

namespace Cresset.Cli;

/// <summary>Turns exceptions into one clear line and an exit code. A user's mistake never shows a stack trace.</summary>
internal static class ErrorBoundary
{
    public const string DebugVariable = "CRESSET_DEBUG";

    public static int Run(Func<int> work)
    {
        try
        {
            return work();
        }
        catch (Exception e)
        {
            return Report(e);
        }
    }

    /// <param name="error">What happened.</param>
    /// <param name="who">Words before the message, such as the rank.</param>
    public static int Report(Exception error, string who = "")
    {
        if (error is AggregateException { InnerExceptions: [var only] }) error = only;
        if (error is OperationCanceledException)
        {
            Console.Error.WriteLine("cresset: interrupted.");
            return ExitCode.Interrupted;
        }
        var (code, message) = Describe(error);
        foreach (var line in message.Split('\n')) Console.Error.WriteLine("cresset: " + who + line.TrimEnd('\r'));
        if (Environment.GetEnvironmentVariable(DebugVariable) is { Length: > 0 }) Console.Error.WriteLine(error);
        return code;
    }

    // Types are compared by name where naming them would load an assembly (libtorch among them) just to catch.
    private static (int Code, string Message) Describe(Exception error) => error switch
    {
        _ when TorchLibraryResolver.Failure is { } failure && LibtorchMissingException.IsOfLoading(error) =>
            (ExitCode.Failure, failure.Message),
        InvalidOptionsException => (ExitCode.Usage, WithoutParameter(error.Message)),
        FileNotFoundException { FileName: { Length: > 0 } file } when !error.Message.Contains(file, StringComparison.Ordinal) =>
            (ExitCode.Usage, $"{error.Message} ({file})"),
        FileNotFoundException or DirectoryNotFoundException => (ExitCode.Usage, error.Message),
        ArgumentException => (ExitCode.Usage, WithoutParameter(error.Message)),
        NotSupportedException => (ExitCode.Usage, WithoutParameter(error.Message)),
        _ when error.GetType().Name == "ConfigException" => (ExitCode.Usage, WithoutParameter(error.Message)),
        // .NET says of a folder that is read as a file that access is denied.
        UnauthorizedAccessException when error.Message.Split('\'') is [_, var folder, ..] && Directory.Exists(folder) =>
            (ExitCode.Usage, $"'{folder}' is a folder; a file is needed."),
        UnauthorizedAccessException => (ExitCode.Failure, error.Message),
        // Said of a run that nobody records, of a module that does not fit and so on: sentences for people, as all of Cresset's are.
        InvalidOperationException when IsOurs(error.TargetSite?.DeclaringType) => (ExitCode.Failure, error.Message),
        IOException or InvalidDataException => (ExitCode.Failure, error.Message),
        ExternalException => (ExitCode.Failure, "libtorch: " + error.Message.Split('\n')[0]),
        TypeInitializationException { InnerException: { } inner } => (ExitCode.Failure, inner.Message),
        _ when IsOurs(error.GetType()) => (ExitCode.Failure, WithoutParameter(error.Message)),
        _ => (ExitCode.Failure, $"unexpected {error.GetType().Name}: {error.Message} (set {DebugVariable}=1 to see where)"),
    };

    private static bool IsOurs(Type? type) => type?.Namespace?.StartsWith("Cresset", StringComparison.Ordinal) == true;

    private static string WithoutParameter(string message)
    {
        var at = message.LastIndexOf(" (Parameter '", StringComparison.Ordinal);
        if (at < 0) return message;
        // The framework's own words do not say what they are about.
        var parameter = message[(at + " (Parameter '".Length)..].TrimEnd('\'', ')');
        return message.StartsWith("The value cannot be an empty string", StringComparison.Ordinal)
            ? $"{parameter} is empty; a name is needed." : message[..at];
    }
}
