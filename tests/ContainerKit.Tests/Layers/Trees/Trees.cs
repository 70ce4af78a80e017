using ContainerKit.Layers;
using ContainerKit.Layers.Trees;

namespace ContainerKit.Tests.Layers.Trees;

/// <summary>Trees and layers for tests, with their contents in memory.</summary>
internal static class Trees
{
    /// <summary>The tree that archives make, one on top of the other.</summary>
    public static LayerTree Of(params byte[][] archives) => On(new LayerTree(LayerLimits.Default), archives);

    /// <summary>A tree with archives on top; it is changed by that.</summary>
    public static LayerTree On(LayerTree tree, params byte[][] archives)
    {
        foreach (var archive in archives)
        {
            tree.BeginLayer();
            foreach (var (entry, content) in Reading.Items(archive))
            {
                tree.Apply(entry, content.Length > 0 ? new InMemory(content) : null);
            }
        }

        return tree;
    }

    /// <summary>The layer that makes one tree of another, as an archive.</summary>
    public static byte[] Difference(LayerTree? before, LayerTree after)
    {
        using var archive = new MemoryStream();
        using (var writer = new LayerWriter(archive, leaveOpen: true))
        {
            foreach (var (entry, content) in LayerDifference.Entries(before, after, CancellationToken.None))
            {
                writer.Write(entry, content is InMemory known ? known.Open() : null);
            }

            writer.Finish();
        }

        return archive.ToArray();
    }

    private sealed class InMemory : FileContent
    {
        private readonly byte[] _content;

        public InMemory(byte[] content)
        {
            _content = content;
            Digest = ContainerKit.Digest.Of(content);
        }

        public MemoryStream Open() => new(_content, writable: false);

        public override Task<Stream> OpenAsync(CancellationToken cancellationToken) => Task.FromResult<Stream>(Open());
    }
}
