using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Isolation;

/// <summary>Control groups of version 2 with all their controllers, on a machine that has no others: as root, and as a user to whom a group is delegated.</summary>
[Category("Qemu")]
internal sealed class UnifiedGroupsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    private Dictionary<string, string> _parts = [];

    [OneTimeSetUp]
    public async Task RunTheMachine()
    {
        var output = await VirtualMachine.RunAsync(Path.Combine(AppContext.BaseDirectory, "Isolation", "unified-groups.sh"), Patience);
        _parts = output.Split("== ", StringSplitOptions.RemoveEmptyEntries).Select(part => part.Split('\n', 2)).ToDictionary(part => part[0], part => part[1]);
    }

    [Test]
    public void The_machine_has_all_controllers_in_version_2()
    {
        Assert.That(_parts["import"], Does.Contain("exit 0\n").And.Match("cpuset cpu io memory hugetlb pids"));
    }

    [Test]
    public void Limits_are_in_the_groups_own_files()
    {
        Assert.That(_parts["limits"], Does.StartWith("memory.max 67108864\nmemory.swap.max 67108864\ncpu.max 50000 100000\npids.max 16\ncpuset.cpus 1\n"));
    }

    [Test]
    public void A_program_that_computes_is_throttled_and_counted()
    {
        Assert.That(_parts["limits"], Does.Contain("throttled\n").And.Match("\"CPUPercent\": [2-6]\\d\\.").And.Contain("\"MemoryLimitBytes\": 67108864").And.Contain("\"PIDs\": 1"));
    }

    [Test]
    public void A_program_runs_only_on_its_processors()
    {
        Assert.That(_parts["limits"], Does.Contain("Cpus_allowed_list:\t1\n"));
    }

    [Test]
    public void The_program_and_who_joins_it_see_their_group_as_the_top()
    {
        Assert.That(_parts["limits"].Split('\n').Count(line => line.StartsWith("0::/", StringComparison.Ordinal)), Is.EqualTo(2));
        Assert.That(_parts["limits"], Does.Not.Contain("containerkit"));
    }

    [Test]
    public void A_paused_container_stands_still_until_it_goes_on()
    {
        Assert.That(_parts["pause"], Is.EqualTo("limited\nexit 0\nfrozen 1\nstands still\nlimited\nexit 0\ngoes on\n"));
    }

    [Test]
    public void Limits_change_while_the_program_runs()
    {
        Assert.That(_parts["update"], Does.StartWith("limited\nexit 0\nmemory.max 100663296\nmemory.swap.max 100663296\ncpu.max 25000 100000\npids.max 32\ncpuset.cpus 1\n"));
    }

    [Test]
    public void A_group_gets_a_further_controller_while_it_is_used_and_keeps_its_limit_over_a_restart()
    {
        Assert.That(_parts["update"].Split('\n').Count(line => line.Contains("\"MemoryLimitBytes\": 67108864", StringComparison.Ordinal)), Is.EqualTo(3));
    }

    [Test]
    public void A_limit_below_what_is_used_is_refused_and_kills_nobody()
    {
        Assert.That(_parts["update"], Does.Match("ckit: The limits of the cgroup controller 'memory' cannot be changed now: the container uses \\d+ bytes, which is more than 6291456\\.\nexit 125\n"));
    }

    [Test]
    public void A_device_is_read_as_fast_as_it_may_be_and_that_changes_and_is_counted()
    {
        Assert.That(_parts["devices"], Does.Match(
            "^\\d+:0 rbps=1048576 wbps=max riops=max wiops=100\ndefault 10000\n    \"ReadBytes\": 4\\d{6},\n").And.Match("\n\\d+:0 rbps=67108864 wbps=max riops=max wiops=100\n"));
        Assert.That(_parts["devices"], Does.Contain("'io' cannot be applied: Cannot limit '/dev/null'").And.Not.Contain("never"));
    }

    [Test]
    public void A_paused_container_is_removed_with_its_group()
    {
        Assert.That(_parts["removed-while-paused"], Is.EqualTo("limited\nlimited\nexit 0\n"));
    }

    [Test]
    public void A_program_that_was_killed_for_want_of_memory_is_known_as_that_and_another_is_not()
    {
        Assert.That(_parts["out-of-memory"], Does.Match("^exit 137\n.*true,\nexit 7\n.*false,\n[0-9a-f]{64}\n137\nexit 0\n.*true,\n$"));
    }

    [Test]
    public void A_program_that_starts_too_many_others_is_refused()
    {
        Assert.That(_parts["too-many"], Does.Contain("can't fork").And.Not.Contain("exit 0"));
    }

    [Test]
    public void Processors_that_are_not_there_are_refused_by_name()
    {
        Assert.That(_parts["refused"].Split('\n').Count(line => line.Contains("The limits of the cgroup controller 'cpuset' cannot be applied", StringComparison.Ordinal)), Is.EqualTo(2));
        Assert.That(_parts["refused"], Does.Contain("'7'").And.Contain("'1-2'").And.Not.Contain("exit 0"));
    }

    [TestCase("nothing-left")]
    [TestCase("user-nothing-left")]
    public void No_group_is_left(string part)
    {
        Assert.That(_parts[part], Is.Empty);
    }

    [Test]
    public void A_user_to_whom_a_group_is_delegated_has_limits_pauses_and_joins()
    {
        Assert.That(_parts["user-delegated"], Does.Match("^[0-9a-f]{64}\nexit 0\n67108864\n50000 100000\n16\n0::/exec-[0-9a-f]+\nlimited\nlimited\nexit 0\n"));
        Assert.That(_parts["user-delegated"], Does.Contain("\"OOMKilled\": true"));
    }

    [Test]
    public void A_controller_that_was_not_delegated_is_named_with_the_group_that_lacks_it()
    {
        Assert.That(_parts["user-not-delegated-controller"], Does.Match("'cpuset' cannot be applied: '/sys/fs/cgroup/session[^']*' does not have it.*\nexit 125\n"));
    }

    [Test]
    public void A_process_that_is_alone_in_its_delegated_group_makes_way_for_its_containers()
    {
        Assert.That(_parts["user-alone"], Is.EqualTo("0::/\nexit 0\n/sys/fs/cgroup/unit\n/sys/fs/cgroup/unit/containerkit-host\nagain\nexit 0\n"));
    }

    [Test]
    public void A_user_without_a_group_is_told_so_and_has_containers_without_limits()
    {
        Assert.That(_parts["user-undelegated"], Does.Match("'pids' cannot be applied: '/sys/fs/cgroup/foreign' cannot be written by this user\\. .*Delegate=yes.*\nexit 125\nwithout\nexit 0\n"));
    }
}
