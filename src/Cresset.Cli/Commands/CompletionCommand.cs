using System.CommandLine;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset completion SHELL</c>: a script that makes a shell complete cresset's words.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        _cresset() {
            local IFS=$'\n'
            COMPREPLY=( $(cresset "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null) )
            COMPREPLY=( $(compgen -W "${COMPREPLY[*]}" -- "${COMP_WORDS[COMP_CWORD]}") )
        }
        complete -o default -F _cresset cresset
        """;

    private const string Zsh = """
        _cresset() {
            local -a words_
            words_=( ${(f)"$(cresset "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)"} )
            compadd -a words_
        }
        compdef _cresset cresset
        """;

    private const string Fish = """
        complete -c cresset -a '(cresset "[suggest:"(string length (commandline -cp))"]" (commandline -cp) 2>/dev/null)'
        """;

    private const string PowerShell = """
        Register-ArgumentCompleter -Native -CommandName cresset -ScriptBlock {
            param($word, $ast, $position)
            cresset "[suggest:$position]" "$ast" 2>$null | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
        }
        """;

    public static Command Create()
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh, fish or powershell." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish", "powershell");
        var command = new Command("completion", "Print a script that completes cresset's words in your shell.") { shell };
        command.SetAction(result =>
        {
            Console.Out.WriteLine(result.GetValue(shell) switch { "bash" => Bash, "zsh" => Zsh, "fish" => Fish, _ => PowerShell });
            return ExitCode.Success;
        });
        return command.WithExamples("eval \"$(cresset completion bash)\"", "cresset completion fish > ~/.config/fish/completions/cresset.fish");
    }
}
