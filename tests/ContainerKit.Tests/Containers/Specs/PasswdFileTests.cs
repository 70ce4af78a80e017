using ContainerKit.Containers.Specs;
using ContainerKit.Tests.Support;

namespace ContainerKit.Tests.Containers.Specs;

public sealed class PasswdFileTests
{
    private const string Passwd = """
        root:x:0:0:root:/root:/bin/bash
        # a comment: with: enough: colons: to: look: real
        www:x:33:33:www:/var/www:/usr/sbin/nologin
        1000:x:77:78:a name that is a number:/home/odd:/bin/sh
        broken:x
        """;

    private const string Group = """
        root:x:0:
        www:x:33:
        adm:x:4:syslog,www
        tape:x:26:www
        """;

    [TestCase("root", 0u, 0u, "/root")]
    [TestCase("www", 33u, 33u, "/var/www")]
    [TestCase("33", 33u, 33u, "/var/www")]
    [TestCase("www:adm", 33u, 4u, "/var/www")]
    [TestCase("www:1234", 33u, 1234u, "/var/www")]
    [TestCase("4321", 4321u, 0u, "/")]
    [TestCase("4321:5", 4321u, 5u, "/")]
    [TestCase("1000", 77u, 78u, "/home/odd")]
    [TestCase(":adm", 0u, 4u, "/root")]
    public void A_user_is_found_by_name_or_number(string specification, uint user, uint group, string home)
    {
        var found = PasswdFile.Resolve(specification, Passwd, Group);

        Assert.That((found.UserId, found.GroupId, found.HomeDirectory), Is.EqualTo((user, group, home)));
    }

    [Test]
    public void The_groups_that_list_a_user_come_on_top()
    {
        Assert.That(PasswdFile.Resolve("www", Passwd, Group).AdditionalGroups, Is.EqualTo(new uint[] { 4, 26 }));
    }

    [Test]
    public void A_group_that_is_asked_for_stands_alone()
    {
        Assert.That(PasswdFile.Resolve("www:www", Passwd, Group).AdditionalGroups, Is.Empty);
    }

    [TestCase("nobody")]
    [TestCase("www:nobody")]
    [TestCase("-1")]
    [TestCase("4294967295")]
    [TestCase("99999999999")]
    public void A_name_that_is_nowhere_is_an_error(string specification)
    {
        Assert.That(() => PasswdFile.Resolve(specification, Passwd, Group), Throws.TypeOf<ImageException>());
    }

    [Test]
    public void Files_of_noise_never_do_worse_than_that()
    {
        var random = new Random(2);
        const string alphabet = "ab0:1,\n#x\r9";
        for (var round = 0; round < 5_000; round++)
        {
            var noise = string.Concat(Enumerable.Range(0, 60).Select(_ => alphabet[random.Next(alphabet.Length)]));

            Tolerate.Only<ImageException>(() => PasswdFile.Resolve("a:b", noise, noise));
        }
    }
}
