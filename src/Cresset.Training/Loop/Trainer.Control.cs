using System.Globalization;
using System.Text.Json;
using Cresset.Distributed;
using Cresset.Runs;

namespace Cresset.Training;

public sealed partial class Trainer
{
    /// <summary>Does what was asked for since the last step; true when a checkpoint is wanted.</summary>
    private bool Obey(bool isSaveDue, IProgress<TrainingReport>? progress, CancellationToken cancellation)
    {
        var save = isSaveDue;
        var requests = _recorder.TakeRequests();
        var asked = requests.Select(r => (r.Command, r.Value)).ToList();
        while (Control.TryTake(out var own)) asked.Add(own);
        // Rank 0 alone is asked; what it does the others do at the same step.
        if (_ranks.Size > 1) (save, asked) = Pass(save, asked);
        for (var i = 0; i < asked.Count; i++)
        {
            var answer = Do(asked[i].Command, asked[i].Value, progress, cancellation, ref save);
            if (i >= requests.Count) continue;
            _recorder.Answer(requests[i], answer);
            progress
                ?.Report(
                    new NoticeReport($"Asked to {asked[i].Command}{(asked[i].Value.Length > 0 ? " " + asked[i].Value : "")}: {answer}"));
        }
        return save;
    }

    private (bool Save, List<(string Command, string Value)> Asked) Pass(bool save, List<(string Command, string Value)> asked)
    {
        Span<double> count = [_ranks.Rank == 0 ? asked.Count : 0, _ranks.Rank == 0 && save ? 1 : 0];
        _ranks.AllReduce(count, Reduction.Max);
        if (count[0] == 0) return (count[1] > 0, []);
        var text = _ranks.BroadcastText(JsonSerializer.Serialize(asked.Select(a => (string[])[a.Command, a.Value])));
        return (count[1] > 0, [.. JsonSerializer.Deserialize<string[][]>(text)!.Select(words => (words[0], words[1]))]);
    }

    private string Do(string command, string value, IProgress<TrainingReport>? progress, CancellationToken cancellation, ref bool save)
    {
        switch (command)
        {
            case RunRequest.Stop:
                _isStopped = true;
                return $"stops after step {_step} and saves.";
            case RunRequest.Save:
                save = true;
                return $"saved at step {_step}.";
            case RunRequest.Evaluate:
                // Where one is due at this very step, that one answers: a second would be recorded twice and count against patience.
                if (_lastEvaluated != _step && !Due(_options.EvaluateEvery))
                    save |= Evaluate(progress, isFinal: false, cancellation, isAsked: true) && _options.KeepBest;
                return $"evaluated at step {_step}.";
            case RunRequest.Sample:
                if (_lastPictured != _step) MakePictures(progress, isFinal: false, cancellation);
                return $"pictures of step {_step}.";
            case RunRequest.Rate:
                return ChangeRate(value);
            default:
                return $"'{command}' is not known; allowed: {string.Join(", ", RunRequest.Commands)}.";
        }
    }

    // "x0.5" multiplies, a plain number is the new highest rate of the first group; the schedule goes on from there.
    private string ChangeRate(string value)
    {
        var isFactor = value.StartsWith('x');
        if (!double.TryParse(value.AsSpan(isFactor ? 1 : 0), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            || !(number > 0) || !double.IsFinite(number))
            return $"'{value}' is not a rate; write a positive number such as 1e-4, or x0.5 for half of what it is.";
        var before = _optimizer.Groups[0].LearningRate;
        var numbers = new Dictionary<string, double>(_schedule.StateDict());
        var bases = numbers.Keys.Where(k => k.StartsWith("base_rate.", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
        var factor = isFactor ? number : bases.Count > 0 ? number / numbers[bases[0]] : double.NaN;
        foreach (var key in bases) numbers[key] *= factor;
        _schedule.LoadStateDict(numbers);
        var after = _optimizer.Groups[0].LearningRate;
        return after == before && factor != 1
            ? "the schedule has rates of its own, which cannot be changed."
            : string.Create(CultureInfo.InvariantCulture, $"the learning rate of step {_step + 1} is {after:G4} (was {before:G4}).");
    }
}
