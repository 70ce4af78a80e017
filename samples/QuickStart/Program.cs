using ContainerKit;

await using var host = await ContainerHost.OpenAsync();
