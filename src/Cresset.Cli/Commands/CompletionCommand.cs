using System.CommandLine;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset completion SHELL</c>: a script that makes a shell complete cresset's words.</summary>
internal static class CompletionCommand
{
    // bash takes '=' for the end of a word, so what is offered begins behind it; after "key=" no blank follows.
    private const string Bash = """
        _cresset() {
            local line="${COMP_LINE:0:$COMP_POINT}" word IFS=$'\n'
            word="${line##* }"
            COMPREPLY=( $(compgen -W "$(cresset "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "$word") )
            case "$word" in *=*) COMPREPLY=( "${COMPREPLY[@]#"${word%%=*}="}" );; esac
            [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
        }
        complete -o default -F _cresset cresset
        """;

    private const string Zsh = """
        _cresset() {
            local -a words_ keys_
            words_=( ${(f)"$(cresset "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)"} )
            keys_=( ${(M)words_:#*=} )
            words_=( ${words_:#*=} )
            compadd -S '' -a keys_
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

    public const string Summary = "Print a script that completes cresset's words in your shell.";

    public static Command Create()
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh, fish or powershell." };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish", "powershell");
        var command = new Command("completion", Summary) { shell };
        command.SetAction(result =>
        {
            Console.Out.WriteLine(result.GetValue(shell) switch { "bash" => Bash, "zsh" => Zsh, "fish" => Fish, _ => PowerShell });
            return ExitCode.Success;
        });
        return command.WithExamples("eval \"$(cresset completion bash)\"",
            "cresset completion fish > ~/.config/fish/completions/cresset.fish");
    }
}
