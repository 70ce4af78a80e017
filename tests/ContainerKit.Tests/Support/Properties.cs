using FsCheck;
using FsCheck.Fluent;
using Microsoft.FSharp.Core;

namespace ContainerKit.Tests.Support;

/// <summary>Checks that something holds for many inputs: the same ones each time, and the smallest that it does not hold for is shown.</summary>
internal static class Properties
{
    public static void Hold<T>(Gen<T> inputs, int count, Action<T> check) =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(Fuzzing.Rounds(count)).WithReplay(FSharpOption<Replay>.Some(new Replay(new Rnd((ulong)(uint)Fuzzing.Seed(20261128), 1), FSharpOption<int>.None))), Prop.ForAll(inputs.ToArbitrary(), check));

    /// <summary>Texts of pieces that a parser looks for, in any order.</summary>
    public static Gen<string> TextOf(params string[] pieces) =>
        Gen.Elements(pieces).ListOf().Select(parts => string.Concat(parts));

    /// <summary>Any text at all.</summary>
    public static Gen<string> AnyText { get; } = ArbMap.Default.ArbFor<string>().Generator.Select(text => text ?? "");
}
