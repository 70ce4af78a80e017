using PortableProgram;

// Everything of the library that works on any system, used by one program: a test publishes it for Linux and for Windows, gives both the
// same input, and compares what they print and what they leave.
//
//   PortableProgram WORK INPUT REGISTRY     all steps; WORK is made, REGISTRY is spoken to in plain HTTP
//   PortableProgram tag STORE IMAGE PREFIX  gives an image of a store many names, beside others who do the same
if (args is ["tag", var shared, var image, var prefix])
{
    await Sharing.TagAsync(shared, image, prefix);
    return 0;
}

if (args is not [var work, var input, var registry])
{
    Console.Error.WriteLine("usage: PortableProgram WORK INPUT REGISTRY");
    return 2;
}

Directory.CreateDirectory(work);
try
{
    await using var host = await ContainerHost.OpenAsync(new ContainerHostOptions
    {
        StoreDirectory = Path.Combine(work, "store"),
        Registry = new RegistryOptions { PlainHttp = [registry], AuthFiles = [], MaxAttempts = 1 },
    });
    await Making.RunAsync(host, input);
    await Editing.RunAsync(host, input);
    await Archives.RunAsync(host, work, input);
    await Registries.RunAsync(host, work, registry);
    await Sharing.RunAsync(host);
    await Housekeeping.RunAsync(host);
    await Refusals.RunAsync(host);
    return 0;
}
catch (ContainerKitException e)
{
    Console.Error.WriteLine($"{e.Message} {e.Hint}");
    Console.Error.WriteLine(e);
    return 1;
}
