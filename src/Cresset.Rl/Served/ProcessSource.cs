using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>A world in another process, of any language, which answers JSON lines over its pipes or a local socket.</summary>
[Part("process")]
public sealed record ProcessSource : EnvironmentSource
{
    /// <summary>
    /// What starts the server, such as <c>python3 world.py</c>: a program and its arguments without a shell, those with blanks in quotes.
    /// Every copy of the environment starts its own.
    /// </summary>
    public string Command { get; init; } = "";

    /// <summary>
    /// Where a server is listening already, instead of a command: <c>host:port</c> or <c>unix:PATH</c>. Every copy of the environment
    /// connects once.
    /// </summary>
    public string Address { get; init; } = "";

    /// <summary>Seconds until the server must have said what its world is like.</summary>
    public double StartSeconds { get; init; } = 60;

    /// <summary>Seconds until it must have answered anything else.</summary>
    public double AnswerSeconds { get; init; } = 30;

    /// <inheritdoc/>
    public override string Group => "another process";

    /// <summary>Starts or reaches the server and asks for the spaces of its world. Dispose what is returned to end the server.</summary>
    /// <exception cref="ArgumentException">There is no such program, or the address is none.</exception>
    /// <exception cref="EnvironmentServerException">The server does not answer, or not as the protocol says.</exception>
    public override IEnvironment Make()
    {
        this.ThrowIfInvalid();
        var link = Command.Length > 0 ? ServerLink.Start(Command) : ServerLink.Connect(Address, TimeSpan.FromSeconds(StartSeconds));
        try
        {
            var greeting = ServerGreeting.Read(link, TimeSpan.FromSeconds(StartSeconds));
            return ServedEnvironments.Make(link, greeting, TimeSpan.FromSeconds(AnswerSeconds));
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    /// <summary>A world of another process has no table.</summary>
    public override TableEnvironment? CreateTable() => null;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() =>
    [
        .. base.Validate(),
        .. new OptionChecks()
            .Must(Command.Length > 0 != Address.Length > 0, Command, "a command, or an address instead",
                "for example command: python3 world.py, or address: localhost:5005", nameof(Command))
            .Within(StartSeconds, 0.01, 86_400)
            .Within(AnswerSeconds, 0.01, 86_400),
    ];
}
