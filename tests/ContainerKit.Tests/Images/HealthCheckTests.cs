using System.Text;
using ContainerKit.Containers;
using ContainerKit.Containers.Catalog;

namespace ContainerKit.Tests.Images;

public sealed class HealthCheckTests
{
    [Test]
    public void An_image_s_check_is_read_with_docker_s_times()
    {
        var check = Config("""{"Test":["CMD-SHELL","curl -f localhost"],"Interval":5000000000,"Timeout":3000000000,"StartPeriod":1000000000,"Retries":2}""").HealthCheck!;

        Assert.That(check.Test, Is.EqualTo(new[] { "CMD-SHELL", "curl -f localhost" }));
        Assert.That((check.Interval.TotalSeconds, check.Timeout.TotalSeconds, check.StartPeriod.TotalSeconds, check.Retries), Is.EqualTo((5, 3, 1, 2)));
        Assert.That(check.Program, Is.EqualTo(new[] { "/bin/sh", "-c", "curl -f localhost" }));
    }

    [TestCase("""{"Test":[]}""")]
    [TestCase("""{"Test":["CMD"]}""")]
    [TestCase("""{"Test":["WHATEVER","x"]}""")]
    [TestCase("""{"Interval":5000000000}""")]
    [TestCase("""{"Test":5}""")]
    [TestCase("""{"Test":["CMD",5]}""")]
    [TestCase("null")]
    public void What_cannot_be_done_is_no_check_and_is_kept(string document)
    {
        var config = Config(document);

        Assert.That(config.HealthCheck, Is.Null);
        Assert.That(Encoding.UTF8.GetString((config with { User = "other" }).ToJson()), Does.Contain($"\"Healthcheck\":{document}"));
    }

    [Test]
    public void Times_that_make_no_sense_are_the_usual_ones()
    {
        var check = Config("""{"Test":["CMD","/up"],"Interval":-1,"Timeout":9223372036854775807,"Retries":-3}""").HealthCheck!;

        Assert.That((check.Interval.TotalSeconds, check.Timeout.TotalSeconds, check.Retries), Is.EqualTo((30, 30, 3)));
    }

    [Test]
    public void A_check_that_is_set_is_written_and_read_again()
    {
        var check = HealthCheck.Command("/up", "now") with { Interval = TimeSpan.FromMilliseconds(1500), Retries = 7 };
        var written = ImageConfig.Parse((Config("null") with { HealthCheck = check }).ToJson(), "config").HealthCheck!;

        Assert.That(written.ToJson().ToJsonString(), Is.EqualTo(check.ToJson().ToJsonString()));
    }

    [Test]
    public void The_description_s_check_is_in_the_place_of_the_image_s()
    {
        var image = ImageDefaults.Of(Config("""{"Test":["CMD","/image"]}"""));

        Assert.That(Record(image, null).FindHealthCheck()!.Program, Is.EqualTo(new[] { "/image" }));
        Assert.That(Record(image, HealthCheck.Command("/own")).FindHealthCheck()!.Program, Is.EqualTo(new[] { "/own" }));
        Assert.That(Record(image, HealthCheck.None).FindHealthCheck(), Is.Null);
    }

    [Test]
    public void So_many_failures_in_a_row_are_unhealthy_and_one_success_is_healthy()
    {
        var check = HealthCheck.Command("/up") with { Retries = 2 };
        var health = new ContainerHealth { Status = HealthStatus.Starting };
        var statuses = new List<HealthStatus>();
        foreach (var exitCode in new int?[] { 1, 0, 1, null, 0 })
        {
            health = health.After(check, exitCode, "", DateTimeOffset.UtcNow, isStarting: false);
            statuses.Add(health.Status);
        }

        Assert.That(statuses, Is.EqualTo(new[] { HealthStatus.Starting, HealthStatus.Healthy, HealthStatus.Healthy, HealthStatus.Unhealthy, HealthStatus.Healthy }));
    }

    [Test]
    public void No_check_has_senseless_numbers()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = HealthCheck.Command("/up") with { Interval = TimeSpan.Zero });
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = HealthCheck.Command("/up") with { Timeout = TimeSpan.FromDays(100) });
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = HealthCheck.Command("/up") with { Retries = 0 });
    }

    private static ImageConfig Config(string healthCheck) => ImageConfig.Parse(
        Encoding.UTF8.GetBytes($$$"""{"architecture":"amd64","os":"linux","config":{"Healthcheck":{{{healthCheck}}} },"rootfs":{"type":"layers","diff_ids":[]} }"""), "config");

    private static ContainerRecord Record(ImageDefaults image, HealthCheck? own) => new()
    {
        Id = new string('a', 64),
        Created = DateTimeOffset.UnixEpoch,
        ImageReference = "app:1",
        ImageDigest = "sha256:" + new string('b', 64),
        ParentSnapshot = null,
        Driver = "vfs",
        Options = new ContainerOptions { HealthCheck = own },
        Image = image,
    };
}
