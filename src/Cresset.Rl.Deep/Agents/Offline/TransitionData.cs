using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>
/// Transitions that were recorded: a safetensors file with observations [n, values], actions [n] or [n, values], rewards [n], terminated
/// [n], truncated [n] and next_observations [n, values], in the order of time. What a policy is cloned from, and what off-policy agents may
/// learn from alone.
/// </summary>
public sealed class TransitionData
{
    private TransitionData(int count, int observationSize, int actionSize)
    {
        (Count, ObservationSize, ActionSize) = (count, observationSize, actionSize);
        (Observations, NextObservations) = (new float[(long)count * observationSize], new float[(long)count * observationSize]);
        (Actions, Rewards) = (new float[(long)count * actionSize], new float[count]);
        (Terminated, Truncated) = (new bool[count], new bool[count]);
    }

    /// <summary>Number of transitions.</summary>
    public int Count { get; }

    /// <summary>Values of an observation.</summary>
    public int ObservationSize { get; }

    /// <summary>Values of an action.</summary>
    public int ActionSize { get; }

    /// <summary>Where actions were taken, [Count, ObservationSize].</summary>
    public float[] Observations { get; }

    /// <summary>What was seen then, [Count, ObservationSize]: at an end the episode's own last observation.</summary>
    public float[] NextObservations { get; }

    /// <summary>The actions as the environment takes them, [Count, ActionSize].</summary>
    public float[] Actions { get; }

    /// <summary>The rewards, [Count].</summary>
    public float[] Rewards { get; }

    /// <summary>Whether the task ended, [Count].</summary>
    public bool[] Terminated { get; }

    /// <summary>Whether the episode was cut, or what comes next in the file is not what followed, [Count].</summary>
    public bool[] Truncated { get; }

    /// <summary>What tells these transitions from others: SHA-256 of all their numbers, in hexadecimal.</summary>
    internal string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var numbers in new[] { Observations, Actions, Rewards, NextObservations })
            hash.AppendData(MemoryMarshal.AsBytes<float>(numbers));
        foreach (var flags in new[] { Terminated, Truncated }) hash.AppendData(MemoryMarshal.AsBytes<bool>(flags));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="InvalidDataException">A tensor is missing, has another shape, or holds what is not a number.</exception>
    public static TransitionData Read(string path)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no file {path} with transitions. 'cresset rl record RUN --to {path}' writes one.");
        using var state = Snapshot.Read(path);
        using var scope = NewDisposeScope();
        var observations = Rows(state, path, "observations", null);
        var actions = Rows(state, path, "actions", observations.size(0));
        var data = new TransitionData((int)observations.size(0), (int)observations.size(1), (int)actions.size(1));
        if (data.Count == 0) throw new InvalidDataException($"{path} holds no transitions.");
        Copy(observations, data.Observations, path, "observations");
        Copy(actions, data.Actions, path, "actions");
        var next = Rows(state, path, "next_observations", data.Count);
        if (next.size(1) != data.ObservationSize)
            throw new InvalidDataException(
                $"{path}: next_observations have {next.size(1)} values; observations have {data.ObservationSize}.");
        Copy(next, data.NextObservations, path, "next_observations");
        Copy(Rows(state, path, "rewards", data.Count, 1), data.Rewards, path, "rewards");
        var ends = new float[data.Count];
        Copy(Rows(state, path, "terminated", data.Count, 1), ends, path, "terminated");
        for (var i = 0; i < ends.Length; i++) data.Terminated[i] = ends[i] != 0;
        Copy(Rows(state, path, "truncated", data.Count, 1), ends, path, "truncated");
        for (var i = 0; i < ends.Length; i++) data.Truncated[i] = ends[i] != 0 || (!data.Terminated[i] && !data.GoesOn(i));
        return data;
    }

    /// <summary>Plays episodes without exploring and keeps every transition.</summary>
    /// <param name="agent">Who acts.</param>
    /// <param name="environment">Where; with its time limit.</param>
    /// <param name="episodes">How many.</param>
    /// <param name="seed">Seed of the first; the others follow.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <exception cref="ArgumentException">The agent scales its observations by moments of its own, which others would not see.</exception>
    public static TransitionData Record<TAction>(IAgent<TAction> agent, IEnvironment<float, TAction> environment, int episodes, ulong seed,
        CancellationToken cancellation = default)
        where TAction : unmanaged
    {
        ArgumentNullException.ThrowIfNull(agent);
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(episodes);
        if (agent.Moments.Count > 0)
            throw new ArgumentException(
                "The agent scales its observations by running moments, which are its own: transitions that it sees would mean something "
                    + "else to another. Record an agent without normalize-observation.", nameof(agent));
        var (size, width) = (environment.ObservationSpace.Size, environment.ActionSpace.Size);
        var rows = new List<(float[] Here, float[] Action, StepOutcome Outcome, float[] Next)>();
        var masks = ActionMasks.Of(environment);
        var mask = new bool[masks is null ? 0 : ActionMasks.SizeOf(environment.ActionSpace)];
        var longest = environment.MaxEpisodeSteps ?? 10_000;
        for (var episode = 0; episode < episodes; episode++)
        {
            var (observation, action, memory) = (environment.Reset(seed + (ulong)episode), new TAction[width], new float[agent.MemorySize]);
            for (var step = 1; step <= longest; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                masks?.WriteActionMask(mask);
                agent.Act(observation, 1, action, mask, memory);
                var next = new float[size];
                var outcome = environment.Step(action, next);
                if (step == longest && !outcome.Ended) outcome = outcome with { Truncated = true };
                rows.Add((observation, [.. action.Select(a => Convert.ToSingle(a, CultureInfo.InvariantCulture))], outcome, next));
                observation = next;
                if (outcome.Ended) break;
            }
        }
        var data = new TransitionData(rows.Count, size, width);
        for (var i = 0; i < rows.Count; i++)
        {
            var (here, action, outcome, next) = rows[i];
            here.CopyTo(data.Observations, i * size);
            next.CopyTo(data.NextObservations, i * size);
            action.CopyTo(data.Actions, i * width);
            (data.Rewards[i], data.Terminated[i], data.Truncated[i]) = ((float)outcome.Reward, outcome.Terminated, outcome.Truncated);
        }
        return data;
    }

    /// <summary>Writes a file that <see cref="Read"/> reads.</summary>
    public void Write(string path)
    {
        using var state = new Snapshot();
        state.Put("observations", Observations, Count, ObservationSize);
        state.Put("actions", Actions, Count, ActionSize);
        state.Put("rewards", Rewards);
        state.Put("next_observations", NextObservations, Count, ObservationSize);
        state.Take("terminated", tensor(Terminated));
        state.Take("truncated", tensor(Truncated));
        state.Write(path);
    }

    private bool GoesOn(int row)
        => row + 1 < Count
            && NextObservations.AsSpan(row * ObservationSize, ObservationSize)
                .SequenceEqual(Observations.AsSpan((row + 1) * ObservationSize, ObservationSize));

    private static Tensor Rows(Snapshot state, string path, string name, long? count, long? width = null)
    {
        if (!state.Tensors.ContainsKey(name))
            throw new InvalidDataException(
                $"{path} lacks '{name}'; transitions are observations, actions, rewards, terminated, truncated and next_observations.");
        var found = state.Tensor(name);
        var rows = found.dim() == 1 ? found.unsqueeze(1) : found.flatten(1);
        if (rows.dim() != 2 || (count is { } c && rows.size(0) != c) || (width is { } w && rows.size(1) != w))
        {
            throw new InvalidDataException(
                $"{path}: '{name}' is {Tensors.Shape.Text(found)}; "
                    + $"{(count is null ? "[n, values]" : width is null ? $"{count} rows" : $"[{count}]")} is expected.");
        }
        return rows;
    }

    private static void Copy(Tensor from, float[] to, string path, string name)
    {
        using var scope = NewDisposeScope();
        var values = from.to(ScalarType.Float32).contiguous();
        if (!values.isfinite().all().ToBoolean()) throw new InvalidDataException($"{path}: '{name}' holds what is not a finite number.");
        values.data<float>().CopyTo(to);
    }
}
