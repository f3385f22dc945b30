# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices, in Armature and in QEMU in turn: user-mode networking up and down, fio on a virtio disk, redrawing a screen,
a folder shared by 9P. What the guest has is the same on both sides (virtio on MMIO, one processor), as is what the host
does for it: a server in this process, a raw image or files in the host's page cache. Time in the guest is the host's,
as for a user at a terminal."""
import os
import shutil
import socket
import subprocess
import threading

import machines
from machines import Run
from workloads import Workload

APPEND = "console=ttyAMA0 quiet loglevel=1 root=/dev/vda"
DISK_BYTES = 256 << 20
NET_BYTES = 128 << 20
PIECE = bytes(range(256)) * 4096

# The way, the size of a request, how many are under way, and the bytes to be moved.
FIO = [(f"disk-{way}-{depth}", way, size, depth, megabytes << 20)
       for way, size,
       megabytes in (("read", "128k", 512), ("write", "128k", 256), ("randread", "4k", 24), ("randwrite", "4k", 24))
       for depth in (1, 32)]
SAY = "echo '== {} {}' | tee /dev/ttyAMA0"  # fio leads what it prints into a file


def fio(name, way, size, depth, count):
    """fio says itself when it is ready to begin, and when it has ended: its own start is not in it."""
    return Workload(name, "disk", f"""fio --name={name} --filename=/dev/vdc --rw={way} --bs={size} --iodepth={depth} \\
    --direct=1 --ioengine=libaio --size={DISK_BYTES} --io_size=$(({count} / PART)) --randseed=1 \\
    --output=/tmp/fio --eta=never --exec_prerun="{SAY.format('begin', name)}" \\
    --exec_postrun="{SAY.format('end', name)}" || cat /tmp/fio""", "io",
    False)


NET = [
    Workload("net-down", "net", f"""echo '== begin net-down'
got=$(busybox nc 10.0.2.2 $DOWN </dev/null | wc -c)
echo "== end net-down $((got * PART))" """, "io", False),
    Workload("net-up", "net", f"""echo '== begin net-up'
got=$(head -c $(({NET_BYTES} / PART)) /dev/zero | busybox nc 10.0.2.2 $UP)
echo "== end net-up $((got * PART))" """, "io", False),
]

REDRAW = Workload("redraw", "display", """head -c 3145728 "$T/text" >/tmp/frame
cat /tmp/frame /tmp/frame >/tmp/frames
if [ -c /dev/fb0 ]; then
echo '== begin redraw'
for i in $(seq $((100 / PART))); do
dd if=/tmp/frames of=/dev/fb0 bs=3M skip=$((i % 2)) count=1 conv=fsync status=none
done
echo "== end redraw"
fi""", "io", False)
# The kernel takes the screen for its console a while after the first text; until then lines cost nothing.
CONSOLE = "grep -q 1 $(dirname $(grep -l frame /sys/class/vtconsole/*/name))/bind"
SCROLL = Workload("scroll", "display", f"""seq 100000 >/tmp/lines
echo >/dev/tty1
sleep 2
if {CONSOLE}; then
echo '== begin scroll'
head -n $((4000 / PART)) /tmp/lines >/dev/tty1
echo "== end scroll"
fi""", "io", False)

# A folder with a file, and a tree of 10,000 files that git knows.
SHARE_BYTES = 256 << 20
TREE_FOLDERS, TREE_FILES = 100, 100
MOUNT = "mkdir -p /tmp/s; mountpoint -q /tmp/s || mount -t 9p -o trans=virtio,version=9p2000.L share /tmp/s"


def share(name, before, command):
    """What a command prints is its checksum; what is `before` is not measured."""
    return Workload(name, "share", f"""{MOUNT}; {before}
echo '== begin {name}'
sum=$({{ {command}; }} | cksum) && echo "== end {name} ${{sum// /-}}" """, "io", False)


GIT = "git -c safe.directory='*' -C /tmp/s/tree status --porcelain"
SHARE = [
    share("share-read", ":", f"head -c $(({SHARE_BYTES} / PART)) /tmp/s/big | cat >/dev/null; echo $?"),
    share("share-write", ":",
          f"head -c $(({SHARE_BYTES} / PART)) /dev/zero >/tmp/s/new; stat -c %s /tmp/s/new; rm /tmp/s/new"),
    share("share-find", "find /tmp/s/tree >/dev/null", "find /tmp/s/tree -path '*/.git' -prune -o -print | sort"),
    share("share-git", f"{GIT} >/dev/null",
          f"{GIT}; echo $?"), # before: its index learns the guest's numbers of the files
]

DEVICES = NET + [fio(*row) for row in FIO] + [REDRAW, SCROLL] + SHARE


def make_share(folder):
    """The folder that is shared: by both sides in turn, so that each finds it in the host's cache."""
    place = f"{folder}/share"
    tree = f"{place}/tree"
    for number in range(TREE_FOLDERS):
        os.makedirs(f"{tree}/folder{number}")
        for file in range(TREE_FILES):
            with open(f"{tree}/folder{number}/file{file}", "w", encoding="ascii") as to:
                to.write(f"{number} {file}\n" * 20)
    with open(f"{place}/big", "wb") as file:
        for _ in range(SHARE_BYTES // len(PIECE)):
            file.write(PIECE)
    git = ["git", "-C", tree, "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "tree"]):
        subprocess.run(git + words, check=True, stdout=subprocess.DEVNULL)
    return place


def serve(down):
    """A server at a free port: what it has for everybody (`down`), or how much everybody had for it. Returns its
    port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(connection, part):
        with connection:
            if down:
                for _ in range(NET_BYTES // part // len(PIECE)):
                    connection.sendall(PIECE)
                return
            got = 0
            while got < NET_BYTES // part and (piece := connection.recv(1 << 20)):
                got += len(piece)
            connection.sendall(f"{got}\n".encode())

    def run():
        while True:
            connection, _ = listener.accept()
            try:
                answer(connection, serve.part)
            except OSError:  # a machine that was killed
                pass
    threading.Thread(target=run, daemon=True).start()
    return listener.getsockname()[1]


serve.part = 1


def armature(options, disks, disk, screen, shared=None):
    command = machines.armature(options, disks, APPEND)
    command[command.index("--clock") + 1] = "paced"
    command += ["--share", f"share={shared}"] if shared else []
    return command + ["--disk", disk, "--net", "user"] + (["--display", "none"] if screen else [])


def qemu(disks, disk, screen, shared=None):
    command = machines.qemu(disks, APPEND)
    at = command.index("-nic")
    command[at:at + 2] = ["-netdev", "user,id=net"]
    command += ["-drive", f"if=none,id=disk2,format=raw,file.filename={disk}",
                "-device", "virtio-blk-device,drive=disk2,bus=virtio-mmio-bus.2",
                "-device", "virtio-net-device,netdev=net,bus=virtio-mmio-bus.3"]
    if shared:
        command += ["-fsdev", f"local,id=share,path={shared},security_model=none",
                    "-device", "virtio-9p-device,fsdev=share,mount_tag=share,bus=virtio-mmio-bus.5"]
    # Without that its slots are those of before virtio 1.0, which know no screen.
    if screen:
        command += ["-global", "virtio-mmio.force-legacy=false",
                    "-device", "virtio-gpu-device,bus=virtio-mmio-bus.4,xres=1024,yres=768"]
    return command


def script(workloads, part, ports):
    lines = [f"export T=/mnt PART={part} DOWN={ports[0]} UP={ports[1]}",
             "busybox ip link set lo up; busybox ip addr add 10.0.2.15/24 dev eth0; busybox ip link set eth0 up"]
    for workload in workloads:
        lines.append(f"{workload.script}\necho '== skip {workload.name}'")
    return "\n".join(lines) + "\n"


def measure(chosen, options, folder, run_list):
    """Yields (workload, its samples by side, errors)."""
    workloads = [workload for workload in chosen if workload.disk == "io"]
    if not workloads:
        return
    serve.part = part = 8 if options.quick else 1
    ports = serve(True), serve(False)
    samples = {workload.name: {"armature": [], "qemu": []} for workload in workloads}
    errors = {workload.name: {} for workload in workloads}
    os.makedirs(f"{folder}/guest", exist_ok=True)
    machines.make_text(f"{folder}/guest/text", 3 << 20)
    disk = f"{folder}/scratch.img"
    with open(disk, "wb") as file:
        for _ in range(DISK_BYTES // len(PIECE)):
            file.write(PIECE)

    def guest(command):
        def start(left):
            disks = machines.make_disks(folder, "io", script(left, part, ports))
            return Run(command(disks), [workload.name for workload in left])
        return start

    groups = [[one for one in workloads if one.group == "share"],
              [one for one in workloads if one.group in ("net", "disk")],
              [one for one in workloads if one.group == "display"]]
    shared = make_share(folder) if groups[0] else None
    for _ in range(options.runs):
        for group in filter(None, groups):
            screen = group[0].group == "display"
            place = shared if group[0].group == "share" else None
            run_list(guest(lambda disks: armature(options.extra, disks, disk, screen, place)), group, "armature",
                     samples, errors)
            run_list(guest(lambda disks: qemu(disks, disk, screen, place)), group, "qemu", samples, errors)
    if shared:
        shutil.rmtree(shared)
    for workload in workloads:
        yield workload, samples[workload.name], list(errors[workload.name].values())
