using System.Collections.Frozen;
using System.Globalization;

namespace ContainerKit.Isolation.Seccomp;

/// <summary>The names and numbers of the system calls of one architecture, up to the newest kernel that this library knows.</summary>
internal sealed class SyscallTable
{
    private const string Resource = "ContainerKit.Isolation.Seccomp.syscalls.txt";

    // The order of the columns in syscalls.txt.
    private static readonly SeccompArchitecture[] Columns =
        [SeccompArchitecture.X64, SeccompArchitecture.X86, SeccompArchitecture.Arm64, SeccompArchitecture.Arm];

    private static readonly Lazy<(SyscallTable[] Tables, FrozenSet<string> Names)> Loaded = new(Load);

    private readonly Dictionary<string, uint> _numbers = [];

    private SyscallTable()
    {
    }

    /// <summary>From this number on all architectures count together, so that a higher number means a newer call.</summary>
    public static uint FirstCommonNumber => 424;

    /// <summary>Every call that there is here.</summary>
    public IReadOnlyDictionary<string, uint> Numbers => _numbers;

    /// <summary>The table of an architecture.</summary>
    public static SyscallTable For(SeccompArchitecture architecture) => Loaded.Value.Tables[Array.IndexOf(Columns, architecture)];

    /// <summary>Whether any architecture, of this library's or not, has a call of that name.</summary>
    public static bool IsKnownAnywhere(string name) => Loaded.Value.Names.Contains(name);

    private static (SyscallTable[] Tables, FrozenSet<string> Names) Load()
    {
        using var stream = typeof(SyscallTable).Assembly.GetManifestResourceStream(Resource)!;
        using var reader = new StreamReader(stream);
        SyscallTable[] tables = [.. Columns.Select(_ => new SyscallTable())];
        var names = new HashSet<string>();
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#'))
            {
                continue;
            }

            var words = line.Split(' ');
            names.Add(words[0]);
            for (var column = 0; column < Columns.Length; column++)
            {
                if (words[column + 1] != "-")
                {
                    tables[column]._numbers.Add(words[0], uint.Parse(words[column + 1], CultureInfo.InvariantCulture));
                }
            }
        }

        return (tables, names.ToFrozenSet());
    }
}
