using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using ContainerKit.Linux;

namespace ContainerKit.Launch;

/// <summary>
/// One request to a file worker, put together for the address that the worker receives it at: steps first, then their data.
/// The answer is the last call's result, and after it whatever the request left room for.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class WorkerRequest(uint baseAddress, uint nextAddress)
{
    private const int StepSize = StepLayout.Arguments + (8 * StepLayout.MostArguments);
    private const int MostSteps = 6;
    private const int DataStart = MostSteps * StepSize;

    // Where the kernel, or the interpreter, puts what goes back: a control message with a descriptor, which is the result, too.
    private const int ControlOffset = DataStart, ResultOffset = ControlOffset + 16, FreeOffset = ResultOffset + 8;
    private const int ControlSize = 24;
    private const int SendQuietly = 0x4000;
    private const ulong RightsHeader = 1 | (1UL << 32);

    private readonly byte[] _bytes = new byte[FileWorkerProgram.BufferSize];
    private int _steps;
    private int _length;
    private long _answer;
    private int _answerLength;

    private Span<byte> Buffer => _bytes;

    /// <summary>Forgets what it held: one object serves all requests of a worker.</summary>
    public void Clear()
    {
        (_steps, _length, _answer, _answerLength) = (0, FreeOffset, 0, 0);
        Buffer[..FreeOffset].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(Buffer[ControlOffset..], 16 + 4);
        BinaryPrimitives.WriteUInt64LittleEndian(Buffer[(ControlOffset + 8)..], RightsHeader);
    }

    /// <summary>What has to be sent.</summary>
    public ReadOnlySpan<byte> Content => Buffer[.._length];

    /// <summary>Adds a name or path, with its terminator.</summary>
    /// <returns>Its address in the worker.</returns>
    public long Text(FileName name)
    {
        var at = Reserve(name.MaxBytes);
        _length = at + Align(name.WriteTo(Buffer[at..]) + 1);
        return baseAddress + (uint)at;
    }

    /// <summary>Adds a structure.</summary>
    /// <returns>Its address in the worker.</returns>
    public long Bytes(ReadOnlySpan<byte> content)
    {
        var at = Reserve(content.Length);
        content.CopyTo(Buffer[at..]);
        _length = at + Align(content.Length);
        return baseAddress + (uint)at;
    }

    /// <summary>Leaves room that a call fills, and that comes back with the answer. It is not sent.</summary>
    /// <returns>Its address in the worker.</returns>
    public long Room(int length)
    {
        // Behind everything that is sent: the steps and structures that follow are bounded, and put before it.
        _answer = baseAddress + FileWorkerProgram.BufferSize - Align(length);
        _answerLength = length;
        return _answer;
    }

    /// <summary>Adds a call whose failure ends the request, and is its result.</summary>
    public void Call(SystemCall call, params ReadOnlySpan<long> arguments) => Step(call, arguments, StepAddress(_steps + 1), Reply(withDescriptor: false));

    /// <summary>Adds the last call: its result is the request's.</summary>
    public void Finish(SystemCall call, params ReadOnlySpan<long> arguments) => Finish(call, givesDescriptor: false, arguments);

    /// <summary>Adds the last call: its result is a descriptor, which comes back.</summary>
    public void FinishWithDescriptor(SystemCall call, params ReadOnlySpan<long> arguments) => Finish(call, givesDescriptor: true, arguments);

    private void Finish(SystemCall call, bool givesDescriptor, ReadOnlySpan<long> arguments)
    {
        Step(call, arguments, Reply(givesDescriptor), Reply(withDescriptor: false));
        var close = StepAddress(MostSteps - 1);
        WriteReply(MostSteps - 3, withDescriptor: false, close);
        WriteReply(MostSteps - 2, withDescriptor: true, close);
        WriteStep(MostSteps - 1, SystemCall.close_range, [FileWorkerProgram.FirstReceived, uint.MaxValue, 0], nextAddress, nextAddress, 0);
    }

    private uint Reply(bool withDescriptor) => StepAddress(withDescriptor ? MostSteps - 2 : MostSteps - 3);

    private void WriteReply(int step, bool withDescriptor, uint close)
    {
        Span<byte> vector = stackalloc byte[32];
        BinaryPrimitives.WriteInt64LittleEndian(vector, baseAddress + ResultOffset);
        BinaryPrimitives.WriteInt64LittleEndian(vector[8..], 8);
        BinaryPrimitives.WriteInt64LittleEndian(vector[16..], _answer == 0 ? baseAddress : _answer);
        BinaryPrimitives.WriteInt64LittleEndian(vector[24..], _answerLength);
        var vectorAddress = Bytes(vector);

        // struct msghdr: name, its length, vector, its length, control, its length, flags.
        Span<byte> message = stackalloc byte[56];
        message.Clear();
        BinaryPrimitives.WriteInt64LittleEndian(message[16..], vectorAddress);
        BinaryPrimitives.WriteInt64LittleEndian(message[24..], 2);
        if (withDescriptor)
        {
            BinaryPrimitives.WriteInt64LittleEndian(message[32..], baseAddress + ControlOffset);
            BinaryPrimitives.WriteInt64LittleEndian(message[40..], ControlSize);
        }

        WriteStep(step, SystemCall.sendmsg, [FileWorkerProgram.SocketDescriptor, Bytes(message), SendQuietly], close, close, 0);
    }

    private void Step(SystemCall call, ReadOnlySpan<long> arguments, uint next, uint failed) =>
        WriteStep(_steps++, call, arguments, next, failed, baseAddress + ResultOffset);

    private void WriteStep(int index, SystemCall call, ReadOnlySpan<long> arguments, uint next, uint failed, uint result)
    {
        var step = Buffer.Slice(index * StepSize, StepSize);
        step.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(step[StepLayout.Number..], SystemCallNumbers.Of(call, RuntimeInformation.ProcessArchitecture));
        BinaryPrimitives.WriteUInt32LittleEndian(step[StepLayout.NextPositive..], next);
        BinaryPrimitives.WriteUInt32LittleEndian(step[StepLayout.NextZero..], next);
        BinaryPrimitives.WriteUInt32LittleEndian(step[StepLayout.NextError..], failed);

        // A result that nobody asks for still needs a place: the step's own last argument, which no call here has.
        BinaryPrimitives.WriteUInt32LittleEndian(step[StepLayout.Result..], result == 0 ? StepAddress(index) + (uint)StepSize - 8 : result);
        for (var i = 0; i < arguments.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(step[(StepLayout.Arguments + (8 * i))..], arguments[i]);
        }
    }

    private uint StepAddress(int index) => baseAddress + (uint)(index * StepSize);

    private int Reserve(int length) => _length + length <= Buffer.Length
        ? _length
        : throw new LinuxException(Errno.ENAMETOOLONG, "send so much to the file worker");

    private static int Align(int length) => (length + 7) & ~7;
}
