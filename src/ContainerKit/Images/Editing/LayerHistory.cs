namespace ContainerKit.Images.Editing;

/// <summary>Which of an image's steps made which of its layers: the n-th step that is not empty made the n-th layer.</summary>
internal static class LayerHistory
{
    /// <summary>How many of the image's steps made its lowest layers, with those in between that made none.</summary>
    /// <param name="image">The image.</param>
    /// <param name="layers">How many layers.</param>
    /// <param name="baseHistory">The steps of an image of just these layers, which tell better where the rest begins; null when there is none.</param>
    public static int StepsOf(ImageConfig image, int layers, IReadOnlyList<ImageHistory>? baseHistory)
    {
        if (baseHistory is not null && image.History.Take(baseHistory.Count).SequenceEqual(baseHistory))
        {
            return baseHistory.Count;
        }

        var steps = 0;
        for (var made = 0; steps < image.History.Count && made < layers; steps++)
        {
            made += image.History[steps].IsEmptyLayer ? 0 : 1;
        }

        return steps;
    }

    /// <summary>Steps for so many layers. Where an image tells fewer than it has, what follows would be taken for its: blank ones fill the gap.</summary>
    public static IEnumerable<ImageHistory> Padded(IEnumerable<ImageHistory> steps, int layers)
    {
        var told = 0;
        foreach (var step in steps)
        {
            told += step.IsEmptyLayer ? 0 : 1;
            yield return step;
        }

        for (; told < layers; told++)
        {
            yield return new ImageHistory();
        }
    }
}
