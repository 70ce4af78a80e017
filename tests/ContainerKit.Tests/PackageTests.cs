using System.Xml.Linq;

namespace ContainerKit.Tests;

/// <summary>ContainerKit.nuspec repeats what the project says, because NuGet reads only the one or the other.</summary>
public sealed class PackageTests
{
    [Test]
    public void The_package_depends_on_what_the_library_was_built_with()
    {
        var versions = XDocument.Parse(SourceTree.Read("Directory.Packages.props")).Descendants("PackageVersion")
            .ToDictionary(package => package.Attribute("Include")!.Value, package => package.Attribute("Version")!.Value);
        var built = XDocument.Parse(SourceTree.Read("src/ContainerKit/ContainerKit.csproj")).Descendants("PackageReference")
            .Select(package => package.Attribute("Include")!.Value)
            .Select(id => (id, versions[id]));

        var packed = XDocument.Parse(SourceTree.Read("ContainerKit.nuspec")).Descendants()
            .Where(element => element.Name.LocalName == "dependency")
            .Select(element => (element.Attribute("id")!.Value, element.Attribute("version")!.Value));

        Assert.That(packed, Is.EquivalentTo(built));
    }

    [Test]
    public void The_framework_of_the_package_is_the_projects()
    {
        var framework = XDocument.Parse(SourceTree.Read("Directory.Build.props")).Descendants("TargetFramework").Single().Value;

        Assert.That(SourceTree.Read("ContainerKit.nuspec"), Does.Contain($"targetFramework=\"{framework}\"").And.Contain($"lib/{framework}"));
    }
}
