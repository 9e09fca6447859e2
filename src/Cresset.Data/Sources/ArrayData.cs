using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>The order of the axes of pictures in an array.</summary>
public enum ArrayLayout
{
    /// <summary>[N, C, H, W], or [N, H, W] for grey, or [N, features].</summary>
    ChannelsFirst,

    /// <summary>[N, H, W, C].</summary>
    ChannelsLast,
}

/// <summary>Arrays of inputs and targets: the shared options of the sources that read them from files.</summary>
public abstract record ArrayData : DataSource
{
    /// <summary>What the inputs are divided by; 0 takes 255 for bytes, 65535 for 16-bit numbers of pictures, and 1 otherwise.</summary>
    public double Scale { get; init; }

    /// <summary>The order of the axes of pictures.</summary>
    public ArrayLayout Layout { get; init; } = ArrayLayout.ChannelsFirst;

    /// <summary>Number of classes; 0 takes the largest label.</summary>
    public int ClassCount { get; init; }

    /// <summary>Names of the classes; empty numbers them.</summary>
    public IReadOnlyList<string> ClassNames { get; init; } = [];

    /// <summary>How the examples are divided.</summary>
    public SplitRule Split { get; init; } = new ShareSplit();

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Scale, 0)
        .Defined(Layout)
        .AtLeast(ClassCount, 0)
        .Must(ClassNames is not null, null, "a list of names", field: nameof(ClassNames))
        .Must(ClassNames is null || ClassNames.Distinct().Count() == ClassNames.Count,
            ClassNames is null ? null : string.Join(", ", ClassNames), "a name of its own for each class", field: nameof(ClassNames))
        .Nested(Split);

    /// <summary>Checks arrays against what is asked for and divides them.</summary>
    /// <param name="use">What the caller learns.</param>
    /// <param name="name">The data set, for messages.</param>
    /// <param name="inputs">As stored, any number type.</param>
    /// <param name="targets">As stored, or null.</param>
    /// <param name="givenTest">Examples at the end that the set keeps for testing.</param>
    protected DataSplit Divide(DataUse use, string name, Tensor inputs, Tensor? targets, int givenTest = 0)
    {
        ArgumentNullException.ThrowIfNull(use);
        ArgumentNullException.ThrowIfNull(inputs);
        using var scope = NewDisposeScope();
        var notes = new List<string>();
        if (inputs.dim() < 2 || inputs.size(0) == 0)
        {
            throw new DataMismatchException($"{name}: inputs of shape {Shape.Text(inputs)}; needed are [N, features], [N, H, W] or [N, "
                + $"C, H, W] with examples in them.");
        }
        var values = Arranged(name, inputs, use, notes);
        var shape = values.shape.Skip(1).ToArray();
        if (use.NeedsPictures && shape.Length != 3)
        {
            throw new DataMismatchException($"{name}: inputs of shape {Shape.Text(inputs)} are not pictures; needed are [N, H, W] or "
                + $"[N, C, H, W].");
        }
        if (!use.NeedsPictures && shape.Length == 3 && use.NumbersOnly) values = values.flatten(1);
        var (labels, classes) = use.Target == TargetKind.None ? (null, []) : Targets(name, targets, values.size(0), use, notes);
        if (use.NeedsPictures && (values.min().ToDouble() is var low && values.max().ToDouble() is var high) && (low < 0 || high > 1))
        {
            throw new DataMismatchException($"{name}: values from {low:g4} to {high:g4}; pictures need 0 to 1. Say "
                + $"data.scale={(high > 1 && low >= 0 ? high.ToString("g4", System.Globalization.CultureInfo.InvariantCulture) : "..")}, "
                + $"or shift the values before they are saved.");
        }
        var isPicture = values.dim() == 4 && values.size(1) is 1 or 3;
        var facts = new DataFacts
        {
            Name = name,
            Shape = values.shape[1..],
            Target = use.Target,
            Classes = classes,
            Picture = isPicture
                ? PictureFacts.Of(
                    new PictureRules((int)values.size(1), (int)values.size(2), (int)values.size(3), new StretchFit(), "white")) : null,
        };
        return DataSplit.FromTensors(facts, values, labels, Split, givenTest, notes);
    }

    private Tensor Arranged(string name, Tensor inputs, DataUse use, List<string> notes)
    {
        if (inputs.is_complex())
        {
            throw new DataMismatchException($"{name}: complex inputs; save real and imaginary part as features of their own.");
        }
        var divisor = Scale > 0 ? Scale : inputs.dtype == ScalarType.Byte && inputs.dim() > 2 ? 255
            : inputs is { dtype: ScalarType.Int32 } && inputs.dim() > 2 && inputs.max().ToInt64() is > 255 and <= 65535 ? 65535 : 1;
        if (Scale == 0 && divisor != 1) notes.Add($"{name}: values of {inputs.dtype} are divided by {divisor} (data.scale would say "
            + $"otherwise).");
        var values = Float32Fit.Of(name, "the inputs", "input", inputs);
        if (divisor != 1) values = values / divisor;
        if (values.dim() == 3) return values.unsqueeze(1);
        if (values.dim() != 4) return values.dim() == 2 ? values : values.flatten(1);
        if (Layout == ArrayLayout.ChannelsLast) return values.permute(0, 3, 1, 2).contiguous();
        if (values.size(1) > 4 && values.size(3) is 1 or 3 or 4)
        {
            throw new DataMismatchException($"{name}: shape {Shape.Text(inputs)} looks like [N, H, W, C]; say data.layout=channels_last.");
        }
        return values;
    }

    private (Tensor Labels, IReadOnlyList<string> Classes) Targets(string name, Tensor? targets, long count, DataUse use,
        List<string> notes)
    {
        if (targets is null)
        {
            throw new DataMismatchException($"{name} has no targets; this task needs "
                + $"{(use.Target == TargetKind.Class ? "a class" : "a number")} for each input.");
        }
        if (targets.dim() == 0)
            throw new DataMismatchException($"{name}: the targets are one value; one for each of the {count} inputs is needed.");
        if (targets.is_complex()) throw new DataMismatchException($"{name}: complex targets; a number or a class is learned.");
        if (targets.size(0) != count) throw new DataMismatchException($"{name}: {count} inputs and {targets.size(0)} targets.");
        if (use.Target is TargetKind.Mask or TargetKind.Caption)
        {
            throw new DataMismatchException($"{name}: arrays have no {(use.Target == TargetKind.Mask ? "masks" : "captions")}; use "
                + $"data: folder.");
        }
        if (use.Target == TargetKind.Number)
        {
            if (targets.numel() != count)
            {
                throw new DataMismatchException($"{name}: targets of shape {Shape.Text(targets)}; one number for each input is learned.");
            }
            return (Float32Fit.Of(name, "the targets", "target", targets.reshape(count, 1)), []);
        }
        if (targets.numel() != count)
        {
            throw new DataMismatchException($"{name}: targets of shape {Shape.Text(targets)}; one class for each input is needed.");
        }
        var labels = targets.reshape(-1).to(ScalarType.Int64);
        if (targets.is_floating_point() && !labels.to(targets.dtype).eq(targets.reshape(-1)).all().ToBoolean())
        {
            throw new DataMismatchException($"{name}: the targets hold fractions, so they are not classes.");
        }
        long lowest = labels.min().ToInt64(), highest = labels.max().ToInt64();
        var most = ClassNames.Count > 0 ? ClassNames.Count : ClassCount > 0 ? ClassCount : highest + 1;
        if (lowest < 0 || highest >= most)
        {
            throw new DataMismatchException($"{name}: labels from {lowest} to {highest}; allowed are 0 to {most - 1}.");
        }
        if (most > 100_000)
        {
            throw new DataMismatchException($"{name}: labels up to {highest} would make {most} classes; number the classes from 0.");
        }
        var present = labels.bincount(null, 0).count_nonzero().ToInt64();
        if (present < 2) throw new DataMismatchException($"{name}: all labels are {lowest}; there is nothing to tell apart.");
        if (present < most) notes.Add($"{name}: {most - present} of the classes 0 to {most - 1} have no example.");
        return (labels,
            ClassNames.Count > 0 ? ClassNames
                : [.. Enumerable.Range(0, (int)most).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture))]);
    }
}

/// <summary>Inputs and targets from NumPy .npy files.</summary>
[Part("npy")]
public sealed record NpyData : ArrayData
{
    /// <summary>The file of inputs.</summary>
    public string Path { get; init; } = "";

    /// <summary>The file of targets; empty for none.</summary>
    public string Targets { get; init; } = "";

    /// <inheritdoc/>
    public override DataSplit Open(DataUse use)
    {
        this.ThrowIfInvalid();
        using var scope = NewDisposeScope();
        return Divide(use, Path, NpyFile.Read(Path), Targets.Length > 0 ? NpyFile.Read(Targets) : null);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => base.Validate().Concat(new OptionChecks().NotEmpty(Path, "Name the .npy "
        + "file of inputs: data.path=FILE."));
}

/// <summary>Inputs and targets from a NumPy .npz archive.</summary>
[Part("npz")]
public sealed record NpzData : ArrayData
{
    /// <summary>The archive.</summary>
    public string Path { get; init; } = "";

    /// <summary>Name of the array of inputs.</summary>
    public string Inputs { get; init; } = "x";

    /// <summary>Name of the array of targets; empty for none.</summary>
    public string Targets { get; init; } = "y";

    /// <inheritdoc/>
    public override DataSplit Open(DataUse use)
    {
        ArgumentNullException.ThrowIfNull(use);
        this.ThrowIfInvalid();
        using var scope = NewDisposeScope();
        try
        {
            return Divide(use, Path, NpzFile.Read(Path, Inputs),
                Targets.Length > 0 && use.Target != TargetKind.None ? NpzFile.Read(Path, Targets) : null);
        }
        catch (ArgumentException e) when (e is not (InvalidOptionsException or DataMismatchException))
        {
            throw new DataMismatchException(e.Message, e);
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => base.Validate().Concat(new OptionChecks().NotEmpty(Path, "Name the .npz "
        + "archive: data.path=FILE.").NotEmpty(Inputs));
}

/// <summary>Inputs and targets from a safetensors file.</summary>
[Part("safetensors")]
public sealed record SafetensorsData : ArrayData
{
    /// <summary>The file.</summary>
    public string Path { get; init; } = "";

    /// <summary>Name of the tensor of inputs.</summary>
    public string Inputs { get; init; } = "inputs";

    /// <summary>Name of the tensor of targets; empty for none.</summary>
    public string Targets { get; init; } = "targets";

    /// <inheritdoc/>
    public override DataSplit Open(DataUse use)
    {
        ArgumentNullException.ThrowIfNull(use);
        this.ThrowIfInvalid();
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(Path);
        Tensor Read(string name) => file.Entries.ContainsKey(name) ? file.Read(name) : throw new DataMismatchException($"{Path} holds "
            + $"no tensor '{name}'.{NearestName.Suggest(name, file.Entries.Keys)} It holds: {string.Join(", ", file.Entries.Keys)}.");
        return Divide(use, Path, Read(Inputs), Targets.Length > 0 && use.Target != TargetKind.None ? Read(Targets) : null);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => base.Validate().Concat(new OptionChecks().NotEmpty(Path, "Name the "
        + "safetensors file: data.path=FILE.").NotEmpty(Inputs));
}
