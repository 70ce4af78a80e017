using System.Buffers;
using System.Text.Json;
using ContainerKit.Isolation;

namespace ContainerKit.Containers.Catalog;

/// <summary>Writes <c>container.json</c> member by member, as <see cref="ContainerRecordJson"/> reads it.</summary>
/// <remarks>A container is made with every run, and the serializer's first use in a process costs a tenth of a whole <c>ckit run</c>.</remarks>
internal static class ContainerRecordWriter
{
    public static ReadOnlyMemory<byte> Write(ContainerRecord record)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString(nameof(record.Id), record.Id);
        WriteText(json, nameof(record.Name), record.Name);
        json.WriteString(nameof(record.Created), record.Created);
        json.WriteString(nameof(record.ImageReference), record.ImageReference);
        json.WriteString(nameof(record.ImageDigest), record.ImageDigest);
        json.WriteString(nameof(record.ParentSnapshot), record.ParentSnapshot);
        json.WriteString(nameof(record.Driver), record.Driver);
        json.WriteStartObject(nameof(record.Options));
        Write(json, record.Options);
        json.WriteEndObject();
        json.WriteStartObject(nameof(record.Image));
        Write(json, record.Image);
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    private static void Write(Utf8JsonWriter json, ContainerOptions options)
    {
        WriteText(json, nameof(options.Name), options.Name);
        WriteList(json, nameof(options.Entrypoint), options.Entrypoint);
        WriteList(json, nameof(options.Command), options.Command);
        json.WriteStartArray(nameof(options.Environment));
        foreach (var (key, value) in options.Environment)
        {
            json.WriteStartObject();
            json.WriteString("Key", key);
            json.WriteString("Value", value);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteText(json, nameof(options.WorkingDirectory), options.WorkingDirectory);
        WriteText(json, nameof(options.User), options.User);
        WriteText(json, nameof(options.Hostname), options.Hostname);
        json.WriteBoolean(nameof(options.IsReadOnly), options.IsReadOnly);
        if (options.Limits is { } limits)
        {
            json.WriteStartObject(nameof(options.Limits));
            Write(json, limits);
            json.WriteEndObject();
        }

        json.WriteBoolean(nameof(options.LimitsAreBestEffort), options.LimitsAreBestEffort);
        json.WriteBoolean(nameof(options.HasStatistics), options.HasStatistics);
        if (options.Terminal is { } terminal)
        {
            json.WriteStartObject(nameof(options.Terminal));
            json.WriteNumber(nameof(terminal.Columns), terminal.Columns);
            json.WriteNumber(nameof(terminal.Rows), terminal.Rows);
            json.WriteEndObject();
        }

        json.WriteBoolean(nameof(options.HasOpenInput), options.HasOpenInput);
        json.WriteBoolean(nameof(options.HasInit), options.HasInit);
        json.WriteBoolean(nameof(options.IsRemovedAtEnd), options.IsRemovedAtEnd);
        json.WriteString(nameof(options.Restart), options.Restart.ToString());
        WriteNumber(json, nameof(options.MaximumRestarts), options.MaximumRestarts);
        WriteHealthCheck(json, nameof(options.HealthCheck), options.HealthCheck);
        json.WriteStartArray(nameof(options.Mounts));
        foreach (var mount in options.Mounts)
        {
            json.WriteStartObject();
            json.WriteString(nameof(mount.Type), mount.Type);
            json.WriteString(nameof(mount.Source), mount.Source);
            json.WriteString(nameof(mount.Target), mount.Target);
            WriteList(json, nameof(mount.Options), mount.Options);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString(nameof(options.Network), options.Network.ToString());
        WriteText(json, nameof(options.NetworkName), options.NetworkName);
        json.WriteStartArray(nameof(options.PublishedPorts));
        foreach (var port in options.PublishedPorts)
        {
            json.WriteStartObject();
            json.WriteString(nameof(port.Address), port.Address);
            json.WriteNumber(nameof(port.HostPort), port.HostPort);
            json.WriteNumber(nameof(port.ContainerPort), port.ContainerPort);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteList(json, nameof(options.AddedCapabilities), options.AddedCapabilities);
        WriteList(json, nameof(options.DroppedCapabilities), options.DroppedCapabilities);
        WriteText(json, nameof(options.SeccompProfile), options.SeccompProfile);
        WriteText(json, nameof(options.AppArmorProfile), options.AppArmorProfile);
        WriteText(json, nameof(options.SelinuxLabel), options.SelinuxLabel);
        json.WriteBoolean(nameof(options.AllowsNewPrivileges), options.AllowsNewPrivileges);
        json.WriteStartArray(nameof(options.Devices));
        foreach (var device in options.Devices)
        {
            json.WriteStartObject();
            json.WriteString(nameof(device.HostPath), device.HostPath);
            json.WriteString(nameof(device.ContainerPath), device.ContainerPath);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray(nameof(options.ResourceLimits));
        foreach (var limit in options.ResourceLimits)
        {
            json.WriteStartObject();
            json.WriteString(nameof(limit.Name), limit.Name);
            json.WriteNumber(nameof(limit.Soft), limit.Soft);
            json.WriteNumber(nameof(limit.Hard), limit.Hard);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString(nameof(options.ExitCheck), options.ExitCheck.ToString());
        json.WriteNumber(nameof(options.MaxCapturedBytes), options.MaxCapturedBytes);
    }

    private static void Write(Utf8JsonWriter json, ResourceLimits limits)
    {
        WriteNumber(json, nameof(limits.MemoryBytes), limits.MemoryBytes);
        WriteNumber(json, nameof(limits.MemorySwapBytes), limits.MemorySwapBytes);
        WriteNumber(json, nameof(limits.MemoryReservationBytes), limits.MemoryReservationBytes);
        if (limits.CpuQuota is { } processors)
        {
            json.WriteNumber(nameof(limits.CpuQuota), processors);
        }

        WriteNumber(json, nameof(limits.CpuWeight), limits.CpuWeight);
        WriteText(json, nameof(limits.CpuSet), limits.CpuSet);
        WriteText(json, nameof(limits.MemoryNodes), limits.MemoryNodes);
        WriteNumber(json, nameof(limits.Pids), limits.Pids);
        WriteNumber(json, nameof(limits.IoWeight), limits.IoWeight);
        if (limits.Io is { } devices)
        {
            json.WriteStartArray(nameof(limits.Io));
            foreach (var device in devices)
            {
                json.WriteStartObject();
                json.WriteString(nameof(device.Device), device.Device);
                WriteNumber(json, nameof(device.ReadBytesPerSecond), device.ReadBytesPerSecond);
                WriteNumber(json, nameof(device.WriteBytesPerSecond), device.WriteBytesPerSecond);
                WriteNumber(json, nameof(device.ReadOperationsPerSecond), device.ReadOperationsPerSecond);
                WriteNumber(json, nameof(device.WriteOperationsPerSecond), device.WriteOperationsPerSecond);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        if (limits.HugePages is { } sizes)
        {
            json.WriteStartObject(nameof(limits.HugePages));
            foreach (var (size, bytes) in sizes)
            {
                json.WriteNumber(size, bytes);
            }

            json.WriteEndObject();
        }
    }

    private static void Write(Utf8JsonWriter json, ImageDefaults image)
    {
        WriteList(json, nameof(image.Environment), image.Environment);
        WriteList(json, nameof(image.Entrypoint), image.Entrypoint);
        WriteList(json, nameof(image.Command), image.Command);
        json.WriteString(nameof(image.WorkingDirectory), image.WorkingDirectory);
        json.WriteString(nameof(image.User), image.User);
        WriteText(json, nameof(image.StopSignal), image.StopSignal);
        WriteHealthCheck(json, nameof(image.HealthCheck), image.HealthCheck);
    }

    private static void WriteHealthCheck(Utf8JsonWriter json, string name, HealthCheck? check)
    {
        if (check is not null)
        {
            json.WritePropertyName(name);
            check.ToJson().WriteTo(json);
        }
    }

    private static void WriteText(Utf8JsonWriter json, string name, string? text)
    {
        if (text is not null)
        {
            json.WriteString(name, text);
        }
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, long? number)
    {
        if (number is { } given)
        {
            json.WriteNumber(name, given);
        }
    }

    private static void WriteList(Utf8JsonWriter json, string name, IEnumerable<string>? texts)
    {
        if (texts is null)
        {
            return;
        }

        json.WriteStartArray(name);
        foreach (var text in texts)
        {
            json.WriteStringValue(text);
        }

        json.WriteEndArray();
    }
}
