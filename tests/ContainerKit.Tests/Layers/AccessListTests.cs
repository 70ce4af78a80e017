using System.Text;
using ContainerKit.Layers.Tar;

namespace ContainerKit.Tests.Layers;

public sealed class AccessListTests
{
    [TestCase("user::rwx,user:1000:r-x,group::r-x,mask::r-x,other::r--", "1:7:4294967295 2:5:1000 4:5:4294967295 16:5:4294967295 32:4:4294967295", Description = "GNU tar")]
    [TestCase("user::rw-,user:joe:r--:1001,group::r--,group:staff:rw-:50,mask::rw-,other::---", "1:6:4294967295 2:4:1001 4:4:4294967295 8:6:50 16:6:4294967295 32:0:4294967295", Description = "star and bsdtar")]
    [TestCase("user::rwx\nuser:7:rwx\t#effective:r-x\nuser:3:---\ngroup::r-x\nmask::r-x\nother::r-x\n", "1:7:4294967295 2:0:3 2:7:7 4:5:4294967295 16:5:4294967295 32:5:4294967295", Description = "getfacl")]
    [TestCase("user::rwx,user:joe:rwx,group::r-x,mask::rwx,other::---", "1:7:4294967295 4:5:4294967295 16:7:4294967295 32:0:4294967295", Description = "a name that nobody knows elsewhere")]
    [TestCase("default:u::rwx,d:g::r-x,d:o:---,d:m:rwx", "1:7:4294967295 4:5:4294967295 16:7:4294967295 32:0:4294967295", Description = "short forms")]
    public void A_list_in_words_becomes_the_one_that_Linux_has(string text, string entries)
    {
        var value = AccessList.FromText(Encoding.UTF8.GetBytes(text))!;

        Assert.That(BitConverter.ToUInt32(value), Is.EqualTo(2));
        Assert.That(
            string.Join(' ', value.Skip(4).Chunk(8).Select(each => $"{BitConverter.ToUInt16(each)}:{BitConverter.ToUInt16(each, 2)}:{BitConverter.ToUInt32(each, 4)}")), Is.EqualTo(entries));
    }

    [Test]
    public void A_list_that_says_no_more_than_a_mode_is_none() => Assert.That(AccessList.FromText("user::rw-,group::r--,other::r--"u8), Is.Null);

    [TestCase("")]
    [TestCase("user::rwx")]
    [TestCase("user::rwx,user:1:rwx,group::r-x,other::---")]
    [TestCase("user::rwx,user::rwx,group::r-x,other::---")]
    [TestCase("user::rwz,group::r-x,other::---")]
    [TestCase("owner@:rwx,group::r-x,other::---")]
    public void A_list_that_makes_no_sense_is_refused(string text) =>
        Assert.That(() => AccessList.FromText(Encoding.UTF8.GetBytes(text)), Throws.TypeOf<FormatException>());

    [Test]
    public void An_archive_has_it_beside_its_attributes_which_count_more()
    {
        const string List = "user::rwx,user:1000:r-x,group::r-x,mask::r-x,other::r--";
        var read = Reading.Entries(new RawTar()
            .Pax(("SCHILY.acl.access", List)).Add("list")
            .Pax(("SCHILY.acl.access", List), ("SCHILY.xattr.system.posix_acl_access", "as it is")).Add("both")
            .Pax(("SCHILY.acl.default", List)).Add("dir", '5').End().ToArray());

        Assert.That(read.Select(entry => string.Join(',', entry.Metadata.ExtendedAttributes.Keys)), Is.EqualTo(new[] { "system.posix_acl_access", "system.posix_acl_access", "system.posix_acl_default" }));
        Assert.That(read[1].Metadata.ExtendedAttributes["system.posix_acl_access"].ToArray(), Is.EqualTo("as it is"u8.ToArray()));
    }
}
