namespace Cresset.Detection;

/// <summary>
/// The arrays of an evaluation, -1 where nothing is defined. A cell is a category, area range, number of detections and IoU threshold; the
/// recall values of a cell lie together, which the writing needs. Readers get the order of the reference.
/// </summary>
internal sealed class CocoTables
{
    private readonly int _thresholds, _recalls, _categories, _areas, _maxDetections;

    public CocoTables(int thresholds, int recalls, int categories, int areas, int maxDetections)
    {
        (_thresholds, _recalls, _categories, _areas, _maxDetections) = (thresholds, recalls, categories, areas, maxDetections);
        Recall = new double[thresholds * categories * areas * maxDetections];
        Precision = new double[(long)Recall.Length * recalls];
        Scores = new double[Precision.LongLength];
        Array.Fill(Precision, -1);
        Array.Fill(Scores, -1);
        Array.Fill(Recall, -1);
    }

    /// <summary>T, R, K, A, M.</summary>
    public int[] Shape => [_thresholds, _recalls, _categories, _areas, _maxDetections];

    public double[] Precision { get; }

    public double[] Scores { get; }

    public double[] Recall { get; }

    public int Cell(int k, int a, int m, int t) => (((((k * _areas) + a) * _maxDetections) + m) * _thresholds) + t;

    /// <summary>The values in the order [T, R, K, A, M].</summary>
    public double[] InReferenceOrder(double[] values)
    {
        var ordered = new double[values.LongLength];
        var i = 0;
        for (var t = 0; t < _thresholds; t++)
        {
            for (var r = 0; r < _recalls; r++)
            {
                for (var k = 0; k < _categories; k++)
                {
                    for (var a = 0; a < _areas; a++)
                    {
                        for (var m = 0; m < _maxDetections; m++) ordered[i++] = values[(Cell(k, a, m, t) * _recalls) + r];
                    }
                }
            }
        }
        return ordered;
    }

    /// <summary>Recall in the order [T, K, A, M].</summary>
    public double[] RecallInReferenceOrder()
    {
        var ordered = new double[Recall.Length];
        var i = 0;
        for (var t = 0; t < _thresholds; t++)
        {
            for (var k = 0; k < _categories; k++)
            {
                for (var a = 0; a < _areas; a++)
                {
                    for (var m = 0; m < _maxDetections; m++) ordered[i++] = Recall[Cell(k, a, m, t)];
                }
            }
        }
        return ordered;
    }
}
