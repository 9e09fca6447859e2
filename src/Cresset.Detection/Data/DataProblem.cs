namespace Cresset.Detection;

/// <summary>Kinds of faults in data files.</summary>
public enum DataProblemKind
{
    /// <summary>The text is not what its format allows: cut off, a wrong bracket, a number that is none.</summary>
    Malformed,

    /// <summary>A required field is missing.</summary>
    MissingField,

    /// <summary>A field holds the wrong type or a value outside its range.</summary>
    WrongValue,

    /// <summary>An id occurs twice.</summary>
    DuplicateId,

    /// <summary>A width or height below zero.</summary>
    NegativeSize,

    /// <summary>NaN or infinity.</summary>
    NotFinite,

    /// <summary>A category that the data set does not list.</summary>
    UnknownCategory,

    /// <summary>An image that the data set does not list.</summary>
    UnknownImage,

    /// <summary>A mask whose runs do not fill its image, or whose text is broken.</summary>
    BadMask,

    /// <summary>No area; it was taken from the mask or the box.</summary>
    AssumedArea,

    /// <summary>No box; it was taken from the mask, the polygons or the keypoints.</summary>
    AssumedBox,

    /// <summary>No mask; under segm the box stands in for it, as in pycocotools.</summary>
    AssumedMask,

    /// <summary>A value in another form than its own, such as a number written as a text; it was converted.</summary>
    Converted,

    /// <summary>An image or category found by its name instead of its id.</summary>
    MatchedByName,

    /// <summary>An object with the id 0, which pycocotools can never hit.</summary>
    ZeroId,

    /// <summary>A list that occurs twice, or records inside another object; what was taken is said.</summary>
    Layout,
}

/// <summary>One fault found in a data file.</summary>
/// <param name="Kind">What kind.</param>
/// <param name="File">The file.</param>
/// <param name="Record">The record, such as <c>annotations[12]</c> or <c>line 3</c>.</param>
/// <param name="Field">The field; may be empty.</param>
/// <param name="Message">What is wrong and what is allowed.</param>
/// <param name="Offset">Byte offset in the file (of the decompressed text), or -1.</param>
public sealed record DataProblem(DataProblemKind Kind, string File, string Record, string Field, string Message, long Offset = -1)
{
    /// <inheritdoc/>
    public override string ToString()
    {
        var place = Record.Length == 0 ? File : $"{File}: {Record}";
        if (Field.Length > 0) place += $", field {Field}";
        return Offset < 0 ? $"{place}: {Message}"
            : $"{place} (byte {Offset.ToString(System.Globalization.CultureInfo.InvariantCulture)}): {Message}";
    }
}

/// <summary>A data file does not hold what its format asks for.</summary>
public sealed class DetectionFormatException : FormatException
{
    /// <summary>Makes the exception from the fault.</summary>
    public DetectionFormatException(DataProblem problem)
        : base(problem.ToString()) => Problem = problem;

    /// <summary>The fault.</summary>
    public DataProblem Problem { get; }
}
