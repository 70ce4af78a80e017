using System.Diagnostics;

namespace ContainerKit;

/// <summary>One thing that the library does, as it is told to those who observe it: an activity, a count and a duration. Where nobody does, there is none.</summary>
internal sealed class ToldOperation : IDisposable
{
    public const string Pull = "pull", Unpack = "unpack", Build = "build", Create = "create", Start = "start", Ready = "ready", Exec = "exec", Commit = "commit";

    private readonly string _name;
    private readonly Activity? _activity;
    private readonly long _began = Stopwatch.GetTimestamp();
    private string? _error;

    private ToldOperation(string name)
    {
        _name = name;
        _activity = Telemetry.Source.StartActivity($"containerkit.{name}");
    }

    /// <summary>Begins one; null where nobody would hear of it. From here to its disposal the activity is the current one of this method and of all that it calls.</summary>
    public static ToldOperation? Begin(string name) =>
        Telemetry.Source.HasListeners() || Telemetry.Operations.Enabled || Telemetry.Durations.Enabled ? new ToldOperation(name) : null;

    /// <summary>Says about what it is. Null says nothing.</summary>
    public void Tag(string key, object? value) => _activity?.SetTag(key, value);

    /// <summary>Says of which container.</summary>
    public void Tag(string id, string? name, string image, string driver)
    {
        Tag("container.id", id);
        Tag("container.name", name);
        Tag("container.image.name", image);
        Tag("containerkit.driver", driver);
    }

    /// <summary>Says that it failed, from the filter of a catch, and so where the failure is not caught: the answer is always false.</summary>
    public static bool HasFailed(ToldOperation? operation, Exception exception)
    {
        operation?.Fail(exception);
        return false;
    }

    /// <summary>Tells of synchronous work.</summary>
    public static T Tell<T>(string name, string image, string? driver, Func<T> work)
    {
        using var told = Begin(name);
        told?.Tag("container.image.name", image);
        told?.Tag("containerkit.driver", driver);
        try
        {
            return work();
        }
        catch (Exception e) when (HasFailed(told, e))
        {
            throw;
        }
    }

    /// <summary>Tells of work that waits.</summary>
    public static async Task<T> TellAsync<T>(string name, string image, string? driver, Func<Task<T>> work)
    {
        using var told = Begin(name);
        told?.Tag("container.image.name", image);
        told?.Tag("containerkit.driver", driver);
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (Exception e) when (HasFailed(told, e))
        {
            throw;
        }
    }

    /// <summary>Says that it failed, and of what.</summary>
    public void Fail(Exception exception)
    {
        _error = exception.GetType().FullName;
        _activity?.SetTag("error.type", _error).SetStatus(ActivityStatusCode.Error, exception.Message);
    }

    public void Dispose()
    {
        var tags = new TagList { { "containerkit.operation", _name } };
        if (_error is not null)
        {
            tags.Add("error.type", _error);
        }

        Telemetry.Operations.Add(1, tags);
        Telemetry.Durations.Record(Stopwatch.GetElapsedTime(_began).TotalSeconds, tags);
        _activity?.Dispose();
    }
}
