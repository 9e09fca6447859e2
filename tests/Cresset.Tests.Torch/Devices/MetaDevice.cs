using System.Text.RegularExpressions;

namespace Cresset.Tests.Torch;

/// <summary>
/// The device that stands in for a graphics card: its tensors have a type and a shape and no memory, so that whoever reads a value of one,
/// or mixes it with a tensor that was left on the
/// CPU, gets an error.
/// </summary>
internal static partial class MetaDevice
{
    /// <summary>Operations whose shapes only Python's libtorch knows. What comes behind them in a run cannot be checked here.</summary>
    public static IReadOnlySet<string> Unknown { get; } = new HashSet<string>
    {
        "where.self", "where.self_out", "abs.out", "logical_not.out", "flip", "index_select", "native_batch_norm", "binary_cross_entropy",
        "huber_loss", "smooth_l1_loss_backward.grad_input",
        "relu", "hardtanh", "hardswish", "isnan", "logical_and.out", "glu_backward", "log_sigmoid_forward",
    };

    /// <summary>
    /// True where libtorch lacks the shape of a listed operation; an operation that is not listed is an error to look at.
    /// </summary>
    public static bool HasNoShapeRule(Exception error)
    {
        // A convolution asks for a device's own kernel and finds none.
        if (error.Message.Contains("convolution_overrideable not implemented", StringComparison.Ordinal)) return true;
        var found = Operation().Match(error.Message);
        return found.Success && Unknown.Contains(found.Groups[1].Value);
    }

    /// <summary>True where a value was asked for.</summary>
    public static bool Reads(Exception error) =>
        error.Message.Contains("aten::_local_scalar_dense: attempted to run this operator with Meta tensors", StringComparison.Ordinal)
            || error.Message.Contains("Cannot copy out of meta tensor", StringComparison.Ordinal);

    [GeneratedRegex(@"aten::(\S+): attempted to run this operator with Meta tensors, but there was no fake impl or Meta kernel")]
    private static partial Regex Operation();
}
