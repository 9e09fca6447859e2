using System.Text.Json;
using Cresset.Cli;

// Each line of the input is a JSON array of the folder to work in and the words of one command. What the command writes goes where it
// always goes; a line with the exit code behind a unit separator ends it on both streams. Starting libtorch and compiling the code that a
// command runs cost more than most commands of a test, and are paid once here.
AppContext.SetData("System.CommandLine.ExecutableName", "cresset"); // Help and errors name the program.
while (Console.ReadLine() is { } line)
{
    var words = JsonSerializer.Deserialize<string[]>(line)!;
    Environment.CurrentDirectory = words[0];
    var code = await CressetApp.Run(words[1..]);
    Console.Out.Write($"\u001f{code}\n");
    Console.Error.Write($"\u001f{code}\n");
}
