namespace Cresset.Detection;

/// <summary>
/// The rules that nothing in a data set calls for: without crowds, say, all rules for crowds give one answer. Sets of rules that differ in
/// such rules only are scored once.
/// </summary>
internal sealed class IdleRules
{
    private readonly bool _anyZeroId, _anyCopy, _anyCrowd, _anyIgnored, _anyDifficult, _anyListed;
    private readonly int _mostOfClass, _mostOfImage;

    public IdleRules(DetectionDataset dataset, DetectionResults results)
    {
        var ids = new HashSet<long>();
        foreach (ref readonly var o in dataset.Objects)
        {
            _anyZeroId |= o.FromFile && o.Id == 0;
            _anyCopy |= o.FromFile && !ids.Add(o.Id);
            _anyCrowd |= o.IsCrowd;
            _anyIgnored |= o.IsIgnored;
            _anyDifficult |= o.IsDifficult;
        }
        _anyListed = dataset.Images.Any(i => i.NegativeCategoryIds is not null);
        var ofClass = new Dictionary<(long Image, long Category), int>();
        var ofImage = new Dictionary<long, int>();
        foreach (ref readonly var d in results.Items)
        {
            var key = (d.ImageId, d.CategoryId);
            ofClass[key] = ofClass.GetValueOrDefault(key) + 1;
            ofImage[d.ImageId] = ofImage.GetValueOrDefault(d.ImageId) + 1;
        }
        _mostOfClass = ofClass.Count == 0 ? 0 : ofClass.Values.Max();
        _mostOfImage = ofImage.Count == 0 ? 0 : ofImage.Values.Max();
    }

    /// <summary>The rules with those that are idle as they are in the reference.</summary>
    public ScoringRules Without(ScoringRules rules) => rules with
    {
        IdZeroIsMiss = rules.IdZeroIsMiss && _anyZeroId,
        CopiesByLastId = rules.CopiesByLastId && _anyCopy,
        Crowds = _anyCrowd ? rules.Crowds : default,
        IgnoreFlag = rules.IgnoreFlag && _anyIgnored,
        DifficultIsNeutral = rules.DifficultIsNeutral && _anyDifficult,
        VerifiedWhereListed = rules.VerifiedWhereListed && _anyListed,
        PerImageAndClass = rules.PerImageAndClass >= _mostOfClass ? int.MaxValue : rules.PerImageAndClass,
        PerImage = rules.PerImage >= _mostOfImage ? int.MaxValue : rules.PerImage,
    };
}
