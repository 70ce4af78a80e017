namespace ContainerKit.Storage.Union;

/// <summary>How a branch says "nothing here any more" and "nothing of below shows here".</summary>
internal interface IWhiteoutDialect
{
}
