namespace Cresset.Cli.Launch;

/// <summary>Processes of a starter that was itself killed: they would go on writing into a run that is started again.</summary>
internal static class LeftBehind
{
    /// <summary>Ends what is left of a session on this machine; hosts elsewhere notice by themselves that their starter is gone.</summary>
    /// <param name="session">The process that began the session, which has ended.</param>
    public static void End(int session)
    {
        if (!OperatingSystem.IsLinux()) return;
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), out var process) || process == session) continue;
            if (SessionOf(folder) == session) _ = ChildSignal.Send(process, ChildSignal.Kill);
        }
    }

    private static int? SessionOf(string folder)
    {
        try
        {
            // pid (name) state ppid pgrp session ...; the name may hold anything.
            var text = File.ReadAllText(Path.Combine(folder, "stat"));
            return int.Parse(text[(text.LastIndexOf(')') + 2)..].Split(' ')[3], System.Globalization.CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Processes end while one looks.
            return null;
        }
    }
}
