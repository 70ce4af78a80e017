global using ContainerKit.Tests.Shared;
