using System.Text;

namespace Cresset.Rl;

/// <summary>
/// A command line as a program and its arguments, without a shell: blanks separate, single and double quotes hold together.
/// </summary>
internal static class CommandWords
{
    /// <exception cref="ArgumentException">A quote is not closed, or there is no program.</exception>
    public static string[] Split(string command)
    {
        var words = new List<string>();
        StringBuilder? word = null;
        var quote = '\0';
        foreach (var c in command)
        {
            if (quote != '\0')
            {
                if (c == quote) quote = '\0';
                else word!.Append(c);
            }
            else if (c is '"' or '\'')
            {
                quote = c;
                word ??= new StringBuilder();
            }
            else if (char.IsWhiteSpace(c))
            {
                if (word is not null) words.Add(word.ToString());
                word = null;
            }
            else
            {
                (word ??= new StringBuilder()).Append(c);
            }
        }
        if (quote != '\0') throw new ArgumentException($"command: {command}: a {quote} is not closed.", nameof(command));
        if (word is not null) words.Add(word.ToString());
        return words.Count > 0 && words[0].Length > 0 ? [.. words]
            : throw new ArgumentException($"command: '{command}' names no program.", nameof(command));
    }

    /// <summary>
    /// Refuses a program that is not there. Where programs are found otherwise than by PATH alone (Windows), starting it says so.
    /// </summary>
    /// <exception cref="ArgumentException">There is no such program.</exception>
    public static void CheckProgram(string program, string command)
    {
        if (OperatingSystem.IsWindows()) return;
        if (program.Contains('/', StringComparison.Ordinal))
        {
            if (!File.Exists(program))
                throw new ArgumentException($"command: {command}: there is no file {program} (seen from {Environment.CurrentDirectory}).",
                    nameof(command));
            return;
        }
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        if (!folders.Any(f => File.Exists(Path.Combine(f, program))))
            throw new ArgumentException($"command: {command}: there is no program '{program}' on the PATH.", nameof(command));
    }
}
