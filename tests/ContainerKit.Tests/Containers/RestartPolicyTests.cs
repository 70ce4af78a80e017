using ContainerKit.Containers.Runs;

namespace ContainerKit.Tests.Containers;

public sealed class RestartPolicyTests
{
    [TestCase(0, false, ExpectedResult = true)]
    [TestCase(1, false, ExpectedResult = true)]
    [TestCase(2, false, ExpectedResult = false)]
    [TestCase(0, true, ExpectedResult = false)]
    public bool On_failure_is_after_failures_and_so_many_times(int restarts, bool isSuccess) => RestartPolicy.OnFailure(2).Wants(isSuccess, restarts);

    [Test]
    public void Always_and_unless_stopped_are_whatever_the_end() =>
        Assert.That(new[] { RestartPolicy.Always, RestartPolicy.UnlessStopped }.Select(policy => policy.Wants(isSuccess: true, int.MaxValue)), Is.All.True);

    [Test]
    public void Policies_are_written_as_docker_writes_them() => Assert.That(
        new[] { RestartPolicy.No, RestartPolicy.OnFailure(), RestartPolicy.OnFailure(3), RestartPolicy.Always, RestartPolicy.UnlessStopped }.Select(policy => policy.ToString()),
        Is.EqualTo(new[] { "no", "on-failure", "on-failure:3", "always", "unless-stopped" }));

    [Test]
    public void A_number_of_starts_is_positive() => Assert.Throws<ArgumentOutOfRangeException>(() => RestartPolicy.OnFailure(0));

    [Test]
    public void Pauses_double_up_to_a_minute_and_begin_anew_after_ten_seconds_of_running()
    {
        var pauses = new RestartPauses();
        var grown = Enumerable.Range(0, 12).Select(_ => pauses.After(TimeSpan.FromSeconds(9)).TotalMilliseconds).ToArray();
        var anew = new[] { pauses.After(TimeSpan.FromSeconds(10)), pauses.After(TimeSpan.Zero) }.Select(pause => pause.TotalMilliseconds);

        Assert.That(grown, Is.EqualTo(new[] { 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000 }));
        Assert.That(anew, Is.EqualTo(new[] { 100, 200 }));
    }
}
