using ContainerKit.Isolation;

namespace ContainerKit.Tests.Linux.Isolation;

/// <summary>What those inside a container get of the launch programs that come in. The first process is seen by nobody: it is the first.</summary>
[Category("Slow")]
[TestFixture(IdMode.Host)]
[TestFixture(IdMode.Range)]
[TestFixture(IdMode.Single)]
internal sealed class AttackTests(IdMode mode)
{
    private const int Joins = 120;

    [Test]
    public async Task Root_of_a_container_gets_nothing_of_a_launch_program_that_joins_it()
    {
        using var attacker = new Attacker(mode, isShown: false);

        var loot = await attacker.AttackAsync(Joins);

        Assert.That(loot.Keys, Is.EqualTo(new[] { "processes" }), string.Join(", ", loot));
        Assert.That(loot["processes"], Is.GreaterThan(Joins / 4));
    }

    [Test]
    public async Task The_same_attacker_gets_at_a_launch_program_that_does_not_hide()
    {
        using var attacker = new Attacker(mode, isShown: true);

        var loot = await attacker.AttackAsync(Joins);

        Assert.That(loot.Keys, Is.SupersetOf(new[] { "exe", "kept", "vm", "maps", "getfd", "ptrace" }), string.Join(", ", loot));
        Assert.That(loot.Keys, Has.None.EqualTo("rights").And.None.EqualTo("overwritten"));
    }
}
