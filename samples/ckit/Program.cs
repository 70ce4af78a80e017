using System.CommandLine;

return await new RootCommand("Containers from the command line.").Parse(args).InvokeAsync();
