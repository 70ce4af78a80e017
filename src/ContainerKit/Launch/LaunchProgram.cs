using System.Globalization;
using System.Text;

namespace ContainerKit.Launch;

/// <summary>
/// A list of system calls with names: everything that happens between posix_spawn(2) and the container's own program. It is data;
/// <see cref="ElfImage"/> makes an executable of it, in which an interpreter of some hundred bytes performs one step after the other.
/// </summary>
internal sealed class LaunchProgram
{
    private readonly List<LaunchStep> _steps = new(192);
    private readonly List<LaunchData> _data = new(192);
    private readonly Dictionary<string, LaunchData> _texts = new(StringComparer.Ordinal);

    public IReadOnlyList<LaunchStep> Steps => _steps;

    /// <summary>All data that was registered; results are not among them.</summary>
    public IReadOnlyList<LaunchData> Data => _data;

    /// <summary>Where a step goes that failed: the tail that reports it.</summary>
    public LaunchLabel Failure { get; } = new();

    /// <summary>Where the interpreter notes which step failed and how: two 32-bit words, the step's index and the error number.</summary>
    public LaunchData FailureRecord { get; } = new(new byte[8], "failure");

    /// <summary>Adds a step; the words say what it does, as a message says it after "Cannot".</summary>
    public LaunchStep Call(string words, SystemCall call, params ReadOnlySpan<Operand> arguments)
    {
        var step = new LaunchStep(_steps.Count, words, call, arguments.ToArray());
        _steps.Add(step);
        return step;
    }

    /// <summary>Puts a label before the next step.</summary>
    public void Mark(LaunchLabel label) => label.Index = _steps.Count;

    public LaunchData Add(LaunchData data)
    {
        _data.Add(data);
        return data;
    }

    /// <summary>A text in the program's memory; the same text is there once.</summary>
    public LaunchData Text(string text)
    {
        if (!_texts.TryGetValue(text, out var data))
        {
            _texts[text] = data = Add(LaunchData.Text(text));
        }

        return data;
    }

    /// <summary>A structure of 8-byte words.</summary>
    public LaunchData Words(params ReadOnlySpan<Operand> words) => Add(LaunchData.Words(words));

    public LaunchData Bytes(ReadOnlySpan<byte> content) => Add(new LaunchData(content.ToArray(), $"[{content.Length} bytes]"));

    public LaunchData TextList(IReadOnlyList<string> texts) => Add(LaunchData.TextList(texts, Text));

    /// <summary>The program as text: one line for each step, with the ways on that are not the plain ones.</summary>
    public string Dump()
    {
        var text = new StringBuilder();
        foreach (var step in _steps)
        {
            text.Append(CultureInfo.InvariantCulture, $"#{step.Index} {step.Call}({string.Join(", ", step.Arguments)})");
            if (step.KeepsResult && !step.OwnsResult)
            {
                text.Append(CultureInfo.InvariantCulture, $" > {Operand.AddressOf(step.Result, step.ResultOffset)}");
            }

            text.Append(CultureInfo.InvariantCulture, $" ; {step.Words}");
            AppendWays(step);
            foreach (var errno in step.Tolerated)
            {
                text.Append(errno == 0 ? "" : $" [ignores {errno}]");
            }

            text.Append('\n');
        }

        return text.ToString();

        void AppendWays(LaunchStep step)
        {
            if (step.WhenPositive == step.WhenZero && step.WhenZero == step.WhenFailed)
            {
                Append("then", step.WhenFailed);
                return;
            }

            Append(step.WhenPositive == step.WhenZero ? "ok" : "positive", step.WhenPositive);
            Append("zero", step.WhenPositive == step.WhenZero ? null : step.WhenZero);
            Append("error", step.WhenFailed);
        }

        void Append(string name, LaunchLabel? label)
        {
            if (label is not null)
            {
                text.Append(CultureInfo.InvariantCulture, $" [{name}: {label}]");
            }
        }
    }
}
