namespace ContainerKit.Tests.Linux.Storage.Aufs;

/// <summary>What a remount makes of the options of a mount, so that a new mount shows what the remounted one would.</summary>
internal static class BranchList
{
    public static string Change(string options, string change) =>
        change.Split(',').Aggregate(options, (former, each) => ChangeOne(former, each));

    private static string ChangeOne(string options, string change)
    {
        var (verb, branch) = change.Split([':', '='], 2) switch { [var v, var b] => (v, b), var odd => (odd[0], "") };
        if (verb is "append" or "prepend" or "add" or "ins" && ListOf(options).Any(each => PathOf(each) == PathOf(verb is "add" or "ins" ? branch[(branch.IndexOf(':') + 1)..] : branch)))
        {
            // A branch that is there already stays where it is, and nothing is said about it.
            return options;
        }

        return verb switch
        {
            // At a mount, append means the same.
            "append" or "br" => $"{options},{change}",
            "prepend" => WithBranches(options, branches => [branch, .. branches]),
            "ins" or "add" => WithBranches(options, branches => Insert(branches, branch)),
            "del" => WithBranches(options, branches => [.. branches.Where(each => PathOf(each) != branch)]),
            "mod" => WithBranches(options, branches => [.. branches.Select(each => PathOf(each) == PathOf(branch) ? branch : each)]),
            _ => $"{options},{change}",
        };
    }

    private static List<string> Insert(List<string> branches, string numberAndBranch)
    {
        var (number, branch) = numberAndBranch.Split(':', 2) switch { [var n, var b] => (int.Parse(n), b), _ => (0, numberAndBranch) };
        branches.Insert(number, branch);
        return branches;
    }

    // br:A=rw:B=ro,append:C=ro
    private static string WithBranches(string options, Func<List<string>, List<string>> change)
    {
        return string.Join(',', [$"br:{string.Join(':', change(ListOf(options)))}", .. options.Split(',').Where(word => !IsList(word))]);
    }

    private static List<string> ListOf(string options) =>
        [.. options.Split(',').Where(IsList).SelectMany(word => word.Split([':', '='], 2)[1].Split(':'))];

    private static bool IsList(string word) => word.StartsWith("br", StringComparison.Ordinal)
        || word.StartsWith("dirs=", StringComparison.Ordinal) || word.StartsWith("append", StringComparison.Ordinal);

    private static string PathOf(string branch) => branch.Split('=')[0];
}
