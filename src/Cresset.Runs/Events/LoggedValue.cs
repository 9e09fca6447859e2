namespace Cresset.Runs;

/// <summary>A value in an event file.</summary>
/// <param name="Tag">Name of its series.</param>
public abstract record LoggedValue(string Tag);

/// <summary>A number, whether written as a plain value or as a tensor of one element.</summary>
/// <param name="Tag">Name of its series.</param>
/// <param name="Value">The number.</param>
/// <param name="IsTensor">Written as a tensor (the style of TensorFlow 2).</param>
public sealed record LoggedScalar(string Tag, double Value, bool IsTensor) : LoggedValue(Tag);

/// <summary>A picture.</summary>
/// <param name="Tag">Name of its series.</param>
/// <param name="Width">Width in pixels as the record states it.</param>
/// <param name="Height">Height in pixels as the record states it.</param>
/// <param name="Encoded">The bytes of the picture's file, usually PNG.</param>
public sealed record LoggedImage(string Tag, int Width, int Height, byte[] Encoded) : LoggedValue(Tag)
{
    /// <summary>Words to show with it; only files of Cresset have them.</summary>
    public string Caption { get; init; } = "";
}

/// <summary>A distribution.</summary>
/// <param name="Tag">Name of its series.</param>
/// <param name="Histogram">The counts.</param>
public sealed record LoggedHistogram(string Tag, HistogramSummary Histogram) : LoggedValue(Tag);

/// <summary>A text.</summary>
/// <param name="Tag">Name of its series.</param>
/// <param name="Text">The text.</param>
public sealed record LoggedText(string Tag, string Text) : LoggedValue(Tag);

/// <summary>A value of a kind that is not understood (audio, larger tensors, other plugins).</summary>
/// <param name="Tag">Name of its series.</param>
/// <param name="Plugin">The plugin that the record names; may be empty.</param>
public sealed record LoggedUnknown(string Tag, string Plugin) : LoggedValue(Tag);
