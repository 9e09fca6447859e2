namespace Cresset.Cli.Launch;

/// <summary>How this very program is started again: by its own file, or by dotnet where that runs it.</summary>
internal static class OwnProgram
{
    /// <summary>The program, and the words before those of the command.</summary>
    public static (string Program, string[] Own) Arguments
    {
        get
        {
            var program = Environment.ProcessPath
                ?? throw new NotSupportedException("The file of this program is not known, so that it cannot be started again.");
            var isHost = Path.GetFileNameWithoutExtension(program).Equals("dotnet", StringComparison.OrdinalIgnoreCase);
            return (program, isHost ? [System.Reflection.Assembly.GetEntryAssembly()!.Location] : []);
        }
    }
}
