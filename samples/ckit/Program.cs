using System.CommandLine;
using Ckit.CommandLine;

args = RawArguments.Restore(args);
if (MountHelper.IsMeant)
{
    return await MountHelper.RunAsync(args);
}

if (args is [UnionService.Name, var mountPoint, var mountOptions])
{
    return await UnionService.ServeAsync(mountPoint, mountOptions);
}

// An interruption asks the command to give up, and the command tidies up; ckit run passes it on to the container instead.
using var interruption = new Interruption();
try
{
    var root = CkitRoot.Create(args);
    var line = root.Parse(ProgramArguments.Separate(root, args), new ParserConfiguration { ResponseFileTokenReplacer = null });
    if (line.Errors is [var error, ..])
    {
        throw new UsageException(Usage.InWords(error.Message), line.CommandResult.Command);
    }

    var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
    return await line.InvokeAsync(configuration, interruption.Token);
}
catch (OperationCanceledException) when (interruption.Signal is { } signal)
{
    return 128 + signal;
}
catch (Exception e)
{
    return Failure.Report(e);
}
