namespace ContainerKit.Tests.Shared.Registry;

/// <summary>The faults of a registry. The first that a request meets befalls it; each counts the requests that it has seen.</summary>
internal sealed class FaultList
{
    private readonly Lock _lock = new();
    private readonly List<Counted> _faults = [];

    public void Add(Fault fault)
    {
        lock (_lock)
        {
            _faults.Add(new Counted(fault));
        }
    }

    /// <summary>From here on everything works.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _faults.Clear();
        }
    }

    /// <summary>What befalls a request; null when nothing does.</summary>
    public Fault? Meet(string method, string path)
    {
        lock (_lock)
        {
            return _faults.FirstOrDefault(fault => fault.Befalls(method, path))?.Fault;
        }
    }

    private sealed class Counted(Fault fault)
    {
        private long _seen;

        public Fault Fault => fault;

        public bool Befalls(string method, string path)
        {
            if (method != fault.Method || !path.Contains(fault.Part, StringComparison.Ordinal))
            {
                return false;
            }

            var number = _seen++;
            return number >= fault.After && number - fault.After < fault.Times;
        }
    }
}
