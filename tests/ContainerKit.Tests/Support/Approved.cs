namespace ContainerKit.Tests.Support;

/// <summary>Texts that somebody has read and approved: they lie beside the tests, and change only on purpose.</summary>
internal static class Approved
{
    /// <summary>Fails when a text is another than the approved one, and says how to approve it.</summary>
    /// <param name="directory">Where the approved text lies, from the top of the repository.</param>
    /// <param name="name">Its name, without <c>.approved.txt</c>.</param>
    /// <param name="received">The text as it is now.</param>
    public static void Check(string directory, string name, string received)
    {
        var (approvedFile, receivedFile) = ($"{directory}/{name}.approved.txt", $"artifacts/{name}.received.txt");
        Directory.CreateDirectory(SourceTree.PathOf("artifacts"));
        File.WriteAllText(SourceTree.PathOf(receivedFile), received);

        var approved = File.Exists(SourceTree.PathOf(approvedFile)) ? SourceTree.Read(approvedFile) : "";
        Assert.That(received, Is.EqualTo(approved), $"It is another than the approved one. If that is meant: cp {receivedFile} {approvedFile}");
    }
}
