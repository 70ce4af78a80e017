using System.IO.Compression;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux;

/// <summary>The package as a stranger meets it: restored from a feed into an empty project, with nothing of this repository near.</summary>
[Category("Slow")]
public sealed class PackageTests
{
    private const string Project = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <TargetFramework>net10.0</TargetFramework>
            <ImplicitUsings>enable</ImplicitUsings>
            <Nullable>enable</Nullable>
            <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
          </PropertyGroup>
          <ItemGroup>
            <PackageReference Include="ContainerKit" Version="0.*" />
          </ItemGroup>
        </Project>
        """;

    private const string Program = """
        using ContainerKit;

        Console.WriteLine(Digest.Of("hello"u8));
        """;

    private TemporaryDirectory _directory = null!;

    [OneTimeSetUp]
    public void Pack()
    {
        var project = SourceTree.PathOf("src/ContainerKit");
        _directory = new TemporaryDirectory();
        DotNet("pack", project, "--configuration", "Release", "--output", _directory.MakeDirectory("feed"));
    }

    [OneTimeTearDown]
    public void Remove() => _directory?.Dispose();

    [Test]
    public void It_holds_the_library_its_documentation_and_what_a_reader_looks_for()
    {
        using var package = ZipFile.OpenRead(Directory.GetFiles(_directory["feed"], "ContainerKit.*.nupkg").Single());

        Assert.That(
            package.Entries.Select(entry => entry.FullName),
            Is.SupersetOf((string[])["README.md", "CHANGELOG.md", "LICENSE", "lib/net10.0/ContainerKit.dll", "lib/net10.0/ContainerKit.xml"]));
    }

    [Test]
    public void It_says_which_commit_it_was_built_from()
    {
        using var package = ZipFile.OpenRead(Directory.GetFiles(_directory["feed"], "ContainerKit.*.nupkg").Single());
        using var nuspec = new StreamReader(package.GetEntry("ContainerKit.nuspec")!.Open());

        Assert.That(nuspec.ReadToEnd(), Does.Contain($"commit=\"{Shell.Run("git", "-C", SourceTree.Root, "rev-parse", "HEAD")}\""));
    }

    [Test]
    public void Its_symbols_carry_the_sources_and_no_path_of_this_machine()
    {
        using var package = ZipFile.OpenRead(Directory.GetFiles(_directory["feed"], "ContainerKit.*.snupkg").Single());
        using var symbols = new StreamReader(package.GetEntry("lib/net10.0/ContainerKit.pdb")!.Open(), System.Text.Encoding.Latin1);

        Assert.That(symbols.ReadToEnd(), Does.Contain("Digest.cs").And.Not.Contain(SourceTree.Root));
    }

    [Test]
    public void A_fresh_project_that_refers_to_it_builds_without_warnings_and_runs_a_container()
    {
        Needs.Root();
        var project = Path.GetDirectoryName(_directory.Write("app/app.csproj", Project))!;
        _directory.Write("app/Program.cs", Program);
        // A package folder of its own: the machine's may hold an older ContainerKit of the same version. What it depends on is taken from there.
        _directory.Write("app/nuget.config", $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{_directory["packages"]}" /></config>
              <packageSources><add key="built here" value="{_directory["feed"]}" /></packageSources>
              <fallbackPackageFolders><add key="machine" value="{MachinePackages()}" /></fallbackPackageFolders>
            </configuration>
            """);
        DotNet("build", project, "--output", _directory["built"]);

        Assert.That(Shell.Run("dotnet", _directory["built/app.dll"]), Does.StartWith("sha256:2cf24dba5fb0a30e"));
    }

    private static string MachinePackages() => Shell.Run("dotnet", "nuget", "locals", "global-packages", "--list")["global-packages: ".Length..];

    // Build servers would outlive the test and keep its pipes open.
    private static void DotNet(string command, params IEnumerable<string> arguments) => Shell.Run(
        "dotnet", [command, .. arguments, "--nologo", "--verbosity", "quiet", "--disable-build-servers"]);
}
