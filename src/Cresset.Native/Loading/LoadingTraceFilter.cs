using System.Text;

namespace Cresset.Native.Loading;

/// <summary>
/// Standard output without the trace that TorchSharp's loader writes there before it throws; everything else goes through.
/// </summary>
internal sealed class LoadingTraceFilter(TextWriter inner) : TextWriter
{
    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => inner.Write(value);

    public override void Write(char[] buffer, int index, int count) => inner.Write(buffer, index, count);

    public override void Write(string? value)
    {
        if (!IsTrace(value)) inner.Write(value);
    }

    public override void WriteLine(string? value)
    {
        if (!IsTrace(value)) inner.WriteLine(value);
    }

    public override void Flush() => inner.Flush();

    private static bool IsTrace(string? text) => text?.Contains("Trace from LoadNativeBackend", StringComparison.Ordinal) == true;
}
