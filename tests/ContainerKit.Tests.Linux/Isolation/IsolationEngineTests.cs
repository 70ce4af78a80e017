using ContainerKit.Isolation;

namespace ContainerKit.Tests.Linux.Isolation;

public sealed class IsolationEngineTests
{
    private Sandbox _sandbox = null!;

    [SetUp]
    public void MakeSandbox() => _sandbox = new Sandbox();

    [TearDown]
    public void RemoveSandbox() => _sandbox?.Dispose();

    [Test]
    public async Task A_program_runs_as_the_first_process_and_its_output_and_exit_code_come_back()
    {
        var result = await _sandbox.RunAsync("echo hello $$; echo oh >&2; exit 7");

        Assert.That(result, Is.EqualTo(new SandboxResult(new ProcessEnd(7, null), "hello 1", "oh")));
    }
}
