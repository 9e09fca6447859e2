namespace Cresset.Rl.Deep;

/// <summary>
/// How the raw outputs of a network become one row of atoms an action. With dueling the first <see cref="Atoms"/> outputs are those of the
/// state: <c>Q(s, a) = V(s) + A(s, a) - mean A(s, .)</c> (Wang et al. 2016, equation 9), atom by atom.
/// </summary>
/// <param name="Actions">Number of actions.</param>
/// <param name="Atoms">Numbers per action; 1 for mean values.</param>
/// <param name="Dueling">Whether the state comes apart.</param>
internal readonly record struct HeadLayout(int Actions, int Atoms, bool Dueling)
{
    /// <summary>Raw outputs.</summary>
    public int Raw => Cells + (Dueling ? Atoms : 0);

    /// <summary>Combined values.</summary>
    public int Cells => Actions * Atoms;

    public void Combine(ReadOnlySpan<float> raw, Span<float> values)
    {
        if (!Dueling)
        {
            raw[..Cells].CopyTo(values);
            return;
        }
        for (var k = 0; k < Atoms; k++)
        {
            var mean = 0f;
            for (var a = 0; a < Actions; a++) mean += raw[Atoms + (a * Atoms) + k];
            mean /= Actions;
            for (var a = 0; a < Actions; a++) values[(a * Atoms) + k] = raw[k] + raw[Atoms + (a * Atoms) + k] - mean;
        }
    }

    /// <summary>The gradient of one action's row, taken back to the raw outputs (all are written).</summary>
    public void Spread(int action, ReadOnlySpan<float> gradient, Span<float> raw)
    {
        raw[..Raw].Clear();
        var start = Dueling ? Atoms : 0;
        for (var k = 0; k < Atoms; k++)
        {
            if (Dueling)
            {
                raw[k] = gradient[k];
                for (var a = 0; a < Actions; a++) raw[start + (a * Atoms) + k] = -gradient[k] / Actions;
            }
            raw[start + (action * Atoms) + k] += gradient[k];
        }
    }
}
