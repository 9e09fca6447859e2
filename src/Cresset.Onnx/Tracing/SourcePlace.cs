using System.Diagnostics;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>Where an operation was asked for: the file, the line and the modules whose forward was running.</summary>
internal static class SourcePlace
{
    /// <summary>The place of one operation, found by tracing once more; empty where the tracer counted other operations.</summary>
    /// <param name="trace">Traces, and calls what it is given at each operation.</param>
    /// <param name="operation">The operation's number.</param>
    /// <param name="total">Operations of the graph.</param>
    /// <param name="names">Names of the modules.</param>
    public static string Of(Action<Action> trace, int operation, int total, IReadOnlyDictionary<Type, List<string>> names)
    {
        var count = 0;
        StackTrace? stack = null;
        trace(() =>
        {
            if (count++ == operation) stack = new StackTrace(fNeedFileInfo: true);
        });
        if (stack is null || count != total) return "";
        var frames = stack.GetFrames().Where(f => f.GetMethod()?.DeclaringType is not null).ToList();
        var modules =
            frames.Where(f => f.GetMethod()!.Name is "forward" && typeof(nn.Module).IsAssignableFrom(f.GetMethod()!.DeclaringType))
            .Select(f => Describe(f.GetMethod()!.DeclaringType!, names)).Reverse().ToList();
        // The first line outside of TorchSharp and this library is the one that its author can change.
        var own = frames.FirstOrDefault(
            f => f.GetFileName() is not null && f.GetMethod()!.DeclaringType!.Assembly is var a && a != typeof(nn.Module).Assembly
                && a != typeof(SourcePlace).Assembly);
        var line = own is null ? "" : string.Create(CultureInfo.InvariantCulture, $" at {own.GetFileName()}:{own.GetFileLineNumber()}");
        return (modules.Count == 0 ? "" : $" in {string.Join(" > ", modules)}") + line;
    }

    private static string Describe(Type type, IReadOnlyDictionary<Type, List<string>> names)
        => names.TryGetValue(type, out var known) && known.Count == 1 && known[0].Length > 0 ? $"{known[0]} ({type.Name})" : type.Name;
}
