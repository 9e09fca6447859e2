using Cresset.Numerics;
using Cresset.Recipes;
using static TorchSharp.torch;

namespace Cresset.Samples.OwnTask;

/// <summary>How sure the net is of one of the spirals, over the plane: what the page Pages/spirals.js asks for.</summary>
[Part("spiral-field")]
public sealed record SpiralField : LiveComputation
{
    /// <summary>A run of the job spirals.</summary>
    public string Run { get; init; } = "";

    /// <summary>Points along each side.</summary>
    public int Side { get; init; } = 64;

    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Side, 2, 512);

    public override object Compute(LiveContext context) => context.Look<SpiralTask, object>(Run, (task, _) =>
    {
        var line = linspace(-1.1, 1.1, Side);
        return new { Side, Field = task.Sure(cartesian_prod(line, line).flip(1)).data<float>().ToArray() };
    });
}
