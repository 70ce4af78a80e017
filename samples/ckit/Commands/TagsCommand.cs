using System.CommandLine;
using Ckit.CommandLine;
using Ckit.Output;

namespace Ckit.Commands;

/// <summary>Lists the tags of a repository in a registry.</summary>
internal sealed class TagsCommand : HostCommand
{
    private readonly RegistryFlags _registry = new();
    private readonly Option<bool> _json = Json.Option();
    private readonly Argument<string> _repository = new("REPOSITORY") { Description = "An image's name without a tag, such as debian or registry.example:5000/team/app." };

    public TagsCommand()
        : base("tags", "List the tags of a repository in a registry.")
    {
        _registry.AddTo(this);
        Add(_json);
        Add(_repository);
    }

    protected override RegistryOptions RegistryOptions(ParseResult line) => _registry.Read(line, line.GetRequiredValue(_repository));

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var tags = await host.Registry.TagsAsync(line.GetRequiredValue(_repository), cancellationToken).ToListAsync(cancellationToken);
        if (line.GetValue(_json))
        {
            StandardOutput.PrintJson(Json.Strings(tags));
            return 0;
        }

        using var output = new StandardOutput();
        tags.ForEach(output.WriteLine);
        return 0;
    }
}
