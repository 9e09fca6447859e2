using Cresset.Detection;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Tensors for <see cref="DetectionMetric"/>, which knows arrays only.</summary>
internal static class DetectionTensors
{
    /// <summary>Adds one image. Tensors may lie on any device, have any strides and carry gradients; they stay as they are.</summary>
    /// <param name="metric">The metric.</param>
    /// <param name="boxes">Detected boxes [N, 4], laid out as the metric was told.</param>
    /// <param name="scores">Their scores [N], of a floating type.</param>
    /// <param name="labels">Their classes [N], of an integer type.</param>
    /// <param name="truthBoxes">Boxes of the objects [M, 4].</param>
    /// <param name="truthLabels">Their classes [M], of an integer type.</param>
    /// <exception cref="ShapeException">A tensor has another shape.</exception>
    /// <exception cref="ArgumentException">A tensor has another type, a number is not finite, or a label is not a class.</exception>
    public static void Update(this DetectionMetric metric, Tensor boxes, Tensor scores, Tensor labels, Tensor truthBoxes,
        Tensor truthLabels)
    {
        ArgumentNullException.ThrowIfNull(metric);
        metric.Update(Boxes(boxes, nameof(boxes)), Scores(scores), Labels(labels, nameof(labels)), Boxes(truthBoxes, nameof(truthBoxes)),
            Labels(truthLabels, nameof(truthLabels)));
    }

    private static float[] Boxes(Tensor? t, string name)
    {
        ArgumentNullException.ThrowIfNull(t, name);
        // Nothing found is an empty tensor of any shape.
        if (t.numel() == 0) return [];
        if (t.dim() != 2 || t.size(1) != 4) throw Shape.Wrong(t, "[N, 4]", name: name);
        if (t.dtype == ScalarType.Bool || t.is_complex()) throw new ArgumentException($"{name} is {t.dtype}; numbers are needed.", name);
        return Copy<float>(t, ScalarType.Float32);
    }

    private static float[] Scores(Tensor? scores)
    {
        ArgumentNullException.ThrowIfNull(scores);
        if (scores.numel() == 0) return [];
        if (scores.dim() != 1) throw Shape.Wrong(scores, "[N]");
        return scores.is_floating_point() ? Copy<float>(scores, ScalarType.Float32)
            : throw new ArgumentException($"scores is {scores.dtype}; a floating type is needed.", nameof(scores));
    }

    private static long[] Labels(Tensor? t, string name)
    {
        ArgumentNullException.ThrowIfNull(t, name);
        if (t.numel() == 0) return [];
        if (t.dim() != 1) throw Shape.Wrong(t, "[N]", name: name);
        return t.dtype is ScalarType.Byte or ScalarType.Int8 or ScalarType.Int16 or ScalarType.Int32 or ScalarType.Int64
            ? Copy<long>(t, ScalarType.Int64)
            : throw new ArgumentException($"{name} is {t.dtype}; an integer type is needed.", name);
    }

    private static T[] Copy<T>(Tensor t, ScalarType type)
        where T : unmanaged
    {
        using var scope = NewDisposeScope();
        return t.detach().to(type).cpu().contiguous().data<T>().ToArray();
    }
}
