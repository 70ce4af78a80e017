# The first process of a virtual machine that has control groups of version 2 and nothing else. What it writes is in parts that begin
# with "== NAME", and a test looks at each.
/bin/busybox --install -s /bin
export PATH=/bin HOME=/
mkdir -p /proc /sys /tmp /home/user
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts none /dev/pts
mount -t tmpfs -o mode=1777 none /dev/shm
chmod 1777 /tmp

# A pipe in between, as programs draw progress bars on terminals.
mkfifo /tmp/output
cat /tmp/output > /dev/ttyS1 &
printer=$!
exec < /dev/null > /tmp/output 2>&1
mount -t cgroup2 none /sys/fs/cgroup
insmod /modules/overlay.ko
printf 'root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' > /etc/passwd
printf 'root:x:0:\nuser:x:1000:\n' > /etc/group
groups=/sys/fs/cgroup

part() { echo "== $1"; }
say() { "$@"; echo "exit $?"; }
ckit() { /bin/ckit --root /store "$@"; }
until_so() { for try in $(seq 100); do if eval "$1" 2> /dev/null; then return; fi; sleep 0.05; done; echo "never: $1"; return 1; }

mkdir -p /box/bin /box/tmp
cp /bin/busybox /box/bin
for name in sh cat echo grep date head sleep tr true; do ln -s busybox /box/bin/$name; done
tar -C /box -cf /tmp/box.tar .

part import
say ckit import /tmp/box.tar box:1
cat $groups/cgroup.controllers

part limits
id=$(ckit run -d --name limited -m 64m --cpus 0.5 --pids-limit 16 --cpuset-cpus 1 box:1 sh -c 'grep Cpus_allowed_list /proc/self/status; cat /proc/self/cgroup; i=0; while true; do i=$((i+1)); done')
for file in memory.max memory.swap.max cpu.max pids.max cpuset.cpus; do echo "$file $(cat $groups/containerkit/$id/$file)"; done
sleep 1
grep -E 'nr_throttled [1-9]' $groups/containerkit/$id/cpu.stat > /dev/null && echo 'throttled'
ckit logs limited
ckit exec limited cat /proc/self/cgroup
ckit stats --no-stream --json limited

part pause
say ckit pause limited
grep frozen $groups/containerkit/$id/cgroup.events
before=$(grep usage_usec $groups/containerkit/$id/cpu.stat); sleep 0.3
[ "$before" = "$(grep usage_usec $groups/containerkit/$id/cpu.stat)" ] && echo 'stands still'
say ckit unpause limited
until_so "[ '$before' != \"\$(grep usage_usec $groups/containerkit/$id/cpu.stat)\" ]" && echo 'goes on'

part update
say ckit update -m 96m --cpus 0.25 --pids-limit 32 limited
for file in memory.max memory.swap.max cpu.max pids.max cpuset.cpus; do echo "$file $(cat $groups/containerkit/$id/$file)"; done
ckit run -d --name grows --pids-limit 8 box:1 sh -c 'x=$(head -c 8m /dev/zero | tr "\0" x); echo ready; while true; do sleep 0.1; done' > /dev/null
until_so '[ "$(ckit logs grows)" = ready ]'
say ckit update -m 64m grows
ckit stats --no-stream --json grows | grep MemoryLimitBytes
say ckit update -m 6m grows
ckit stats --no-stream --json grows | grep MemoryLimitBytes
say ckit kill grows
ckit wait grows
ckit start grows
ckit stats --no-stream --json grows | grep -E 'MemoryLimitBytes'
ckit rm -f grows

part devices
insmod /modules/loop.ko max_loop=1
head -c 8m /dev/zero > /tmp/disk
losetup /dev/loop0 /tmp/disk
id2=$(ckit run -d --name reads --device /dev/loop0 --device-read-bps /dev/loop0:1m --device-write-iops /dev/loop0:100 --blkio-weight 1000 box:1 sh -c 'before=$(date +%s); head -c 4m /dev/loop0 > /dev/null; after=$(date +%s); [ $((after - before)) -ge 2 ] && echo slowly; sleep 100')
cat $groups/containerkit/$id2/io.max $groups/containerkit/$id2/io.weight
until_so '[ "$(ckit logs reads)" = slowly ]'
ckit stats --no-stream --json reads | grep ReadBytes
say ckit update --device-read-bps /dev/loop0:64m reads
cat $groups/containerkit/$id2/io.max
ckit rm -f reads
say ckit run --rm --device-read-bps /dev/null:1m box:1 true

part removed-while-paused
ckit pause limited
say ckit rm -f limited
until_so "[ ! -d $groups/containerkit/$id ]"
find $groups -name "*$id*"

part out-of-memory
say ckit run --name hungry -m 16m box:1 sh -c 'x=$(head -c 64m /dev/zero | tr "\0" x); exit 7'
ckit inspect hungry | grep OOMKilled
say ckit run --name modest -m 16m box:1 sh -c 'exit 7'
ckit inspect modest | grep OOMKilled
ckit run -d --name later -m 16m box:1 sh -c 'x=$(head -c 64m /dev/zero | tr "\0" x); exit 7'
say ckit wait later
ckit inspect later | grep OOMKilled

part too-many
say ckit run --rm --pids-limit 4 box:1 sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; wait'

part refused
say ckit run --rm --cpuset-cpus 7 box:1 true
say ckit run --rm --cpuset-cpus 1-2 box:1 true

part nothing-left
find $groups -name 'containerkit*'

# A user of whom systemd has delegated a group: the directory and three of its files are the user's.
echo '+memory +pids +cpu -cpuset' > $groups/cgroup.subtree_control
delegate() {
    mkdir -p $1
    chown user:user $1 $1/cgroup.procs $1/cgroup.subtree_control $1/cgroup.threads
}
as_user_in() {
    sh -c "echo \$\$ > $1/cgroup.procs; exec su user -c 'cd; $2'"
}
user_ckit='/bin/ckit --root /home/user/store --driver vfs'
chown user:user /home/user
delegate $groups/session
mkdir $groups/session/shell
chown user:user $groups/session/shell $groups/session/shell/cgroup.procs

part user-import
as_user_in $groups/session/shell "$user_ckit import /tmp/box.tar box:1; echo exit \$?"

part user-delegated
as_user_in $groups/session/shell "$user_ckit run -d --name limited -m 64m --cpus 0.5 --pids-limit 16 box:1 sh -c \"cat /proc/self/cgroup; sleep 100\"; echo exit \$?"
for file in memory.max cpu.max pids.max; do cat $groups/session/containerkit/*/$file; done
as_user_in $groups/session/shell "$user_ckit exec limited cat /proc/self/cgroup; $user_ckit pause limited; $user_ckit rm -f limited; echo exit \$?"
as_user_in $groups/session/shell "$user_ckit run --name hungry -m 16m box:1 sh -c \"head -c 64m /dev/zero | sort > /dev/null\"; $user_ckit inspect hungry" | grep OOMKilled

part user-not-delegated-controller
as_user_in $groups/session/shell "$user_ckit run --rm --cpuset-cpus 0 box:1 true; echo exit \$?"

part user-alone
delegate $groups/unit
sh -c "echo \$\$ > $groups/unit/cgroup.procs; exec su user -c 'exec $user_ckit run --rm --pids-limit 16 box:1 cat /proc/self/cgroup'"
echo "exit $?"
find $groups/unit -type d
sh -c "echo \$\$ > $groups/unit/containerkit-host/cgroup.procs; exec su user -c 'exec $user_ckit run --rm -m 64m box:1 echo again'"
echo "exit $?"

part user-undelegated
mkdir $groups/foreign
as_user_in $groups/foreign "$user_ckit run --rm --pids-limit 16 box:1 true; echo exit \$?"
as_user_in $groups/foreign "$user_ckit run --rm box:1 echo without; echo exit \$?"

part user-nothing-left
find $groups -name containerkit

part end
exec > /dev/null 2>&1
wait $printer
poweroff -f
