using System.Globalization;
using System.Text.Json;

namespace ContainerKit.Isolation.Seccomp;

/// <summary>Reads a profile from JSON. Keys that it does not know are left alone; values that it does not know are refused.</summary>
/// <remarks>
/// <c>flags</c> is not read: its flags are about logging and speculation, not about what is allowed. <c>listenerPath</c> has a
/// meaning only with SCMP_ACT_NOTIFY, which the compiler refuses.
/// </remarks>
internal static class SeccompProfileReader
{
    /// <summary>In characters.</summary>
    public const int LongestDocument = 1 << 20;

    private const ushort HighestErrno = 4095;
    private const int ArgumentCount = 6;

    public static SeccompProfile Read(string json)
    {
        if (json.Length > LongestDocument)
        {
            throw Refuse($"it has {json.Length} characters or more, and {LongestDocument} are allowed");
        }

        try
        {
            using var document = JsonDocument.Parse(json);
            return ReadProfile(json, Expect(document.RootElement, JsonValueKind.Object, "the document"));
        }
        catch (JsonException e)
        {
            throw Refuse("it is not JSON", e);
        }
        catch (InvalidOperationException e)
        {
            // A string with half a surrogate pair is JSON, but no text.
            throw Refuse("it has a string that is no Unicode text", e);
        }
    }

    private static SeccompProfile ReadProfile(string json, JsonElement document)
    {
        var architectures = Items(document, "architectures");
        var map = Items(document, "archMap");
        if (architectures.Count > 0 && map.Count > 0)
        {
            throw Refuse("it has both 'architectures' and 'archMap'");
        }

        return new SeccompProfile
        {
            Document = json,
            DefaultAction = ReadAction(document, "defaultAction", "defaultErrnoRet", "defaultErrno"),
            Architectures = [.. architectures.Select(a => Text(a, "an item of 'architectures'"))],
            SubArchitectures = map.Count == 0 ? null : ReadMap(map),
            Rules = [.. Items(document, "syscalls").Select(ReadRule)],
        };
    }

    private static Dictionary<string, IReadOnlyList<string>> ReadMap(IReadOnlyList<JsonElement> items)
    {
        var map = new Dictionary<string, IReadOnlyList<string>>();
        foreach (var item in items)
        {
            Expect(item, JsonValueKind.Object, "an item of 'archMap'");
            if (!item.TryGetProperty("architecture", out var name))
            {
                throw Refuse("an item of 'archMap' has no 'architecture'");
            }

            map[Text(name, "'architecture'")] = [.. Items(item, "subArchitectures").Select(s => Text(s, "an item of 'subArchitectures'"))];
        }

        return map;
    }

    private static SeccompRule ReadRule(JsonElement rule)
    {
        Expect(rule, JsonValueKind.Object, "an item of 'syscalls'");
        var names = Items(rule, "names").Select(n => Text(n, "an item of 'names'")).ToList();
        if (Has(rule, "name", out var only) && Text(only, "'name'") is { Length: > 0 } name)
        {
            // Docker's form before 2016.
            if (names.Count > 0)
            {
                throw Refuse($"a rule has both 'name' ('{name}') and 'names'");
            }

            names.Add(name);
        }

        if (names.Count == 0)
        {
            throw Refuse("a rule names no system call");
        }

        return new SeccompRule
        {
            Names = names,
            Action = ReadAction(rule, "action", "errnoRet", "errno"),
            Conditions = [.. Items(rule, "args").Select(ReadCondition)],
            Includes = ReadTerms(rule, "includes"),
            Excludes = ReadTerms(rule, "excludes"),
        };
    }

    private static SeccompTerms ReadTerms(JsonElement rule, string key)
    {
        if (!Has(rule, key, out var terms))
        {
            return new SeccompTerms();
        }

        Expect(terms, JsonValueKind.Object, $"'{key}'");
        var capabilities = CapabilitySet.Empty;
        foreach (var item in Items(terms, "caps"))
        {
            var name = Text(item, "an item of 'caps'");
            capabilities = CapabilitySet.TryParse(name, out var found) ? capabilities.With(found) : throw Refuse($"no capability is called '{name}'");
        }

        return new SeccompTerms
        {
            Capabilities = capabilities,
            Architectures = [.. Items(terms, "arches").Select(a => Text(a, "an item of 'arches'"))],
            OldestKernel = Has(terms, "minKernel", out var kernel) ? ReadKernel(Text(kernel, "'minKernel'")) : null,
        };
    }

    private static Version ReadKernel(string text)
    {
        var parts = text.Split('.');
        return parts.Length == 2
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var minor)
                ? new Version(major, minor)
                : throw Refuse($"'{text}' is not a kernel's version such as 4.8");
    }

    private static SeccompCondition ReadCondition(JsonElement condition)
    {
        Expect(condition, JsonValueKind.Object, "an item of 'args'");
        var index = Number(condition, "index");
        if (index >= ArgumentCount)
        {
            throw Refuse($"a call has no argument {index}");
        }

        if (!Has(condition, "op", out var op))
        {
            throw Refuse("an item of 'args' has no 'op'");
        }

        var comparison = Text(op, "'op'") switch
        {
            "SCMP_CMP_NE" => SeccompComparison.NotEqual,
            "SCMP_CMP_LT" => SeccompComparison.Less,
            "SCMP_CMP_LE" => SeccompComparison.LessOrEqual,
            "SCMP_CMP_EQ" => SeccompComparison.Equal,
            "SCMP_CMP_GE" => SeccompComparison.GreaterOrEqual,
            "SCMP_CMP_GT" => SeccompComparison.Greater,
            "SCMP_CMP_MASKED_EQ" => SeccompComparison.MaskedEqual,
            var other => throw Refuse($"no comparison is called '{other}'"),
        };
        return new SeccompCondition((int)index, comparison, Number(condition, "value"), Number(condition, "valueTwo"));
    }

    private static SeccompAction ReadAction(JsonElement owner, string key, string errnoKey, string errnoNameKey)
    {
        if (!Has(owner, key, out var action))
        {
            throw Refuse($"'{key}' is missing");
        }

        var errno = (ushort)Linux.Errno.EPERM;
        if (Has(owner, errnoKey, out _))
        {
            var number = Number(owner, errnoKey);
            errno = number <= HighestErrno ? (ushort)number : throw Refuse($"'{errnoKey}' is {number}, and {HighestErrno} is the highest error number");
        }
        else if (Has(owner, errnoNameKey, out _))
        {
            throw Refuse($"it has '{errnoNameKey}' without '{errnoKey}'");
        }

        return Text(action, $"'{key}'") switch
        {
            "SCMP_ACT_KILL" or "SCMP_ACT_KILL_THREAD" => SeccompAction.KillThread,
            "SCMP_ACT_KILL_PROCESS" => SeccompAction.KillProcess,
            "SCMP_ACT_TRAP" => SeccompAction.Trap,
            "SCMP_ACT_ERRNO" => SeccompAction.Errno(errno),
            "SCMP_ACT_NOTIFY" => SeccompAction.Notify,
            "SCMP_ACT_TRACE" => SeccompAction.Trace(errno),
            "SCMP_ACT_LOG" => SeccompAction.Log,
            "SCMP_ACT_ALLOW" => SeccompAction.Allow,
            var other => throw Refuse($"no action is called '{other}'"),
        };
    }

    // Go writes an empty list as null.
    private static IReadOnlyList<JsonElement> Items(JsonElement owner, string key) =>
        Has(owner, key, out var list) ? [.. Expect(list, JsonValueKind.Array, $"'{key}'").EnumerateArray()] : [];

    private static bool Has(JsonElement owner, string key, out JsonElement value) =>
        owner.TryGetProperty(key, out value) && value.ValueKind != JsonValueKind.Null;

    private static ulong Number(JsonElement owner, string key)
    {
        if (!Has(owner, key, out var value))
        {
            return 0;
        }

        return value.ValueKind == JsonValueKind.Number && value.TryGetUInt64(out var number) ? number
            : throw Refuse($"'{key}' is {value}, which is not a whole number of 64 bits");
    }

    private static string Text(JsonElement value, string what) => Expect(value, JsonValueKind.String, what).GetString()!;

    private static JsonElement Expect(JsonElement value, JsonValueKind kind, string what) =>
        value.ValueKind == kind ? value : throw Refuse($"{what} is not {(kind == JsonValueKind.Array ? "a list" : kind == JsonValueKind.String ? "a string" : "an object")}");

    private static IsolationException Refuse(string reason, Exception? cause = null) =>
        new($"The seccomp profile cannot be used: {reason}.", cause)
        {
            Hint = "A profile is a JSON document as docker's --security-opt seccomp=FILE takes it.",
        };
}
