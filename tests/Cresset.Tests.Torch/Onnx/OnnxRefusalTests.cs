using Cresset.Onnx;
using Cresset.Onnx.Verification;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Onnx;

/// <summary>What cannot be exported is said in one line that names it, and nothing is written.</summary>
public sealed class OnnxRefusalTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-onnx-").FullName;

    private string Path1 => Path.Combine(_folder, "m.onnx");

    public void Dispose()
    {
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
        Directory.Delete(_folder, recursive: true);
    }

    private static readonly Dictionary<string, (Func<Tensor, Tensor> Function, string Words)> Refused = new()
    {
        ["no rule"] = (t => t.lgamma(), "aten::lgamma has no rule for ONNX"),
        ["no rule: how to add one"] = (t => t.digamma(), "OnnxRules.Default.Add(\"digamma\""),
        ["source line"] = (t => t.erfinv(), "OnnxRefusalTests.cs:"),
        ["module"] = (t => t.erfinv(), "in Composed"),
        ["random numbers"] = (t => t + randn(4), "draws random numbers"),
        ["size by values"] = (t => t.masked_select(t > 100).sum() + t, "depends on the values"),
        ["value read by C#"] = (t => t * t.sum().item<float>(), "computed outside of the graph"),
        ["tensor made of values"] = (t => t + tensor(t.data<float>().ToArray().Take(4).ToArray()), "computed outside of the graph"),
        ["branch on values"] = (t => t.view(-1)[0].item<float>() == First ? t.sin() : t.cos(), "branch with where()"),
        ["branch on sizes"] = (t => t.shape[0] == 2 ? t.sin() : t.cos(), "another input"),
        ["memory nobody filled"] = (t => empty(t.shape[1]) + t, "nothing recorded has filled"),
        ["shared memory"] = (t =>
        {
            var y = t * 2;
            var z = y.transpose(0, 1);
            y.add_(1);
            return z;
        }, "aten::add_ changes memory that another value shows later"),
        ["an input changed"] = (t => t.add_(1), "changes an input"),
        ["batch as a constant"] = (t => t.unfold(0, 2, 1), "varies"),
        ["complex"] = (t => t.to(complex64).abs(), "ONNX"),
    };

    private static float First { get; set; }

    public static TheoryData<string> Names => [.. Refused.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void WhatCannotBeExportedIsNamed(string name)
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        var input = randn(2, 4);
        First = input[0, 0].item<float>();
        using var module = new Composed(Refused[name].Function);
        var message = Assert.Throws<NotSupportedException>(() => OnnxExport.Save(module, input, Path1)).Message;
        Assert.Contains(Refused[name].Words, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void WrongUseIsOneLine()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        using var linear = nn.Linear(4, 3);
        string Said<T>(Action action)
            where T : Exception
        {
            var message = Assert.Throws<T>(action).Message;
            Assert.DoesNotContain('\n', message.Split(" (Parameter")[0]);
            return message;
        }
        Assert.Contains("no example input", Said<ArgumentException>(() => OnnxExport.Save(linear, [], Path1)), StringComparison.Ordinal);
        Assert.Contains("has no forward of 2 tensors",
            Said<ArgumentException>(() => OnnxExport.Save(linear, [randn(2, 4), randn(2, 4)], Path1)), StringComparison.Ordinal);
        Assert.Contains("no elements", Said<ArgumentException>(() => OnnxExport.Save(linear, randn(0, 4), Path1)),
            StringComparison.Ordinal);
        Assert.Contains("shape []", Said<ArgumentException>(() => OnnxExport.Save(linear, tensor(1f), Path1)), StringComparison.Ordinal);
        Assert.Contains("is 3 in one example input and 2",
            Said<ArgumentException>(() => OnnxExport.Save(t => [t[0]], [randn(3, 4), randn(2)], Path1)), StringComparison.Ordinal);
        Assert.Contains("is a folder", Said<IOException>(() => OnnxExport.Save(linear, randn(2, 4), _folder)), StringComparison.Ordinal);
        Assert.Contains("cannot be written", Said<IOException>(() => OnnxExport.Save(linear, randn(2, 4), "/proc/none/m.onnx")),
            StringComparison.Ordinal);
        Assert.Contains("complex",
            Said<ArgumentException>(() => OnnxExport.Save(linear, randn(2, 4).to(complex64), Path1)).ToLowerInvariant(),
            StringComparison.Ordinal);
        // What the module throws arrives through the native frames.
        Assert.Equal("mine",
            Said<InvalidOperationException>(
                () => OnnxExport.Save(new Composed(_ => throw new InvalidOperationException("mine")), randn(2, 4), Path1)));
        // libtorch's own complaint about a wrong size does too.
        Assert.ThrowsAny<Exception>(() => OnnxExport.Save(linear, randn(2, 5), Path1));
    }

    [Fact]
    public void AFileThatDiffersIsNotWritten()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        using var module = new Composed(t => t.sin());
        var wrong = OnnxRules.Default.Add("sin", o => o.Emit("Cos", [o.Tensor(0)]));
        var message = Assert.Throws<InvalidDataException>(
            () => OnnxExport.Save(module, randn(2, 4), Path1,
                new OnnxExportOptions { Rules = wrong, Verifier = new OnnxRuntimeVerifier() })).Message;
        Assert.Contains("the largest difference is", message, StringComparison.Ordinal);
    }
}
