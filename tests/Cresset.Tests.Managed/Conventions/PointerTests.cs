using System.Text.RegularExpressions;
using Xunit;

namespace Cresset.Tests.Managed.Conventions;

/// <summary>
/// A pointer into a tensor is taken in one place, which checks type, device, layout and count: <c>TensorView</c>. Nothing else may reach
/// for native memory.
/// </summary>
public sealed partial class PointerTests
{
    /// <summary>
    /// Where native functions are declared: libtorch's (its tracer among them), those of MPI, and the signal that a launcher sends.
    /// </summary>
    private static readonly string[] NativeRooms = ["src/Cresset.Native/", "src/Cresset.Tensors/Memory/", "src/Cresset.Tensors/Autograd/",
        "src/Cresset.Distributed/Ranks/Mpi/", "src/Cresset.Onnx/Tracing/", "src/Cresset.Cli/Launch/"];

    /// <summary>
    /// Files that move whole tensors to and from storage as bytes, whatever they mean, or whose tensors are packed bytes.
    /// </summary>
    private static readonly string[] ByteMovers =
    [
        "src/Cresset.Tensors/", "src/Cresset.Diffusion/Checkpoints/Gguf/", "src/Cresset.Diffusion/Checkpoints/Packed/",
        "src/Cresset.Nn/Packed/",
        "src/Cresset.Data/Readers/", "src/Cresset.Onnx/Graph/", "src/Cresset.Data/Sources/DataFingerprint.cs",
        "src/Cresset.Training/Checkpoints/", "src/Cresset.Training/Ranks/", "src/Cresset.Recipes/Segmentation/",
        "src/Cresset.Recipes/Flows/GenerativeComparisonJob.cs",
    ];

    private static IEnumerable<(string File, string Line)> Lines =>
        Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories)
        .Select(f => Path.GetRelativePath(Repository.Root, f).Replace('\\', '/'))
        .Where(f => !f.Contains("/obj/", StringComparison.Ordinal))
        .SelectMany(
            f => File.ReadLines(Path.Combine(Repository.Root, f)).Where(l => !l.TrimStart().StartsWith("//", StringComparison.Ordinal))
                .Select(l => (f, l)));

    [Fact]
    public void NativeTensorsAreTouchedInOnePlace()
        => Assert.Empty(Lines.Where(l => Native().IsMatch(l.Line) && !NativeRooms.Any(r => l.File.StartsWith(r, StringComparison.Ordinal)))
            .Select(l => $"{l.File}: {l.Line.Trim()}"));

    [Fact]
    public void BytesOfTensorsAreForFilesOnly()
        => Assert.Empty(Lines.Where(l => Bytes().IsMatch(l.Line) && !ByteMovers.Any(r => l.File.StartsWith(r, StringComparison.Ordinal)))
            .Select(l => $"{l.File}: {l.Line.Trim()}"));

    /// <summary>The rules find what they are for.</summary>
    [Theory]
    [InlineData("var p = THSTensor_data(t.Handle);")]
    [InlineData("[LibraryImport(\"LibTorchSharp\")]")]
    [InlineData("[DllImport(\"libc\")]")]
    [InlineData("return Tensor.UnsafeCreateTensor(handle);")]
    [InlineData("var a = tensor.Handle;")]
    public void TheRuleSeesAReach(string line) => Assert.Matches(Native(), line);

    [GeneratedRegex(@"\bTHS\w+\(|\b(Library|Dll)Import\(|\bUnsafeCreateTensor\b|\b\w*([Tt]ensor|parameter|gradient)\.Handle\b")]
    private static partial Regex Native();

    [GeneratedRegex(@"\.bytes\b(?!\.Length)")]
    private static partial Regex Bytes();
}
