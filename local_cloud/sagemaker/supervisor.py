"""Runs one program as a container would, and leaves nothing of it behind; a script of its own, standard library only.

    python -I -S supervisor.py '{"lifeline": 5, "opt_ml": "/tmp/x/opt/ml", "network": true}' program argument…

It is the parent of the program and the reaper of all the program's descendants. When the program ends, when SIGKILL
is due, or when the local cloud disappears (its end of the lifeline pipe closes, even by kill -9), every descendant is
killed, as the end of a container would do. SIGTERM is passed on to the program's process group.

opt_ml: folder the program sees as /opt/ml, in a mount namespace of its own (no privilege is needed for that where the
kernel allows user namespaces). network: false takes the network away, loopback excepted.
"""

# pathlib and contextlib would double the start-up time of every container.
# ruff: noqa: PTH103, PTH102, PTH112, PTH115, PTH118, PTH120, PTH123, PTH211, SIM105

import ctypes
import json
import os
import select
import signal
import socket
import struct
import sys

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_SETUP_FAILED = 125  # as "docker run" says when the container could not be made

_STOP = (signal.SIGTERM, signal.SIGINT)

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def _mount(source: str, target: str, kind: str | None, flags: int) -> None:
    arguments = (source.encode(), target.encode(), kind.encode() if kind else None, ctypes.c_ulong(flags), None)
    _check(_libc.mount(*arguments), f"mount {target}")


def _isolate(opt_ml: str | None, network: bool) -> None:
    if not opt_ml and network:
        return
    user, group = os.getuid(), os.getgid()
    flags = _CLONE_NEWUSER | (_CLONE_NEWNS if opt_ml else 0) | (0 if network else _CLONE_NEWNET)
    _check(_libc.unshare(flags), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    if opt_ml:
        _mount_opt_ml(opt_ml)
    if not network:
        _raise_loopback()


def _mount_opt_ml(opt_ml: str) -> None:
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    if os.path.isdir("/opt/ml"):
        _mount(opt_ml, "/opt/ml", None, _MS_BIND | _MS_REC)
        return
    # /opt belongs to the machine, so it is shown again in a copy that has the mount point.
    copy = os.path.join(os.path.dirname(opt_ml), ".opt")
    os.makedirs(copy, exist_ok=True)
    _mount("tmpfs", copy, "tmpfs", 0)
    for entry in os.scandir("/opt"):
        target = os.path.join(copy, entry.name)
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), target)
            continue
        if entry.is_dir():
            os.mkdir(target)
        else:
            open(target, "w").close()
        _mount(entry.path, target, None, _MS_BIND | _MS_REC)
    os.mkdir(os.path.join(copy, "ml"))
    _mount(opt_ml, os.path.join(copy, "ml"), None, _MS_BIND | _MS_REC)
    _mount(copy, "/opt", None, _MS_BIND | _MS_REC)


def _raise_loopback() -> None:
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        request = struct.pack("16sh", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(probe, _SIOCGIFFLAGS, request.ljust(40, b"\0")), 16)
        fcntl.ioctl(probe, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | _IFF_UP).ljust(40, b"\0"))


def _become(argv: list[str], options: dict) -> None:
    """In the child: never returns."""
    try:
        os.setsid()
        _isolate(options.get("opt_ml"), options.get("network", True))
        # A change of credentials clears the death signal, so it comes after the namespaces.
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.chdir(options.get("directory") or "/")
        signal.set_wakeup_fd(-1)
        for number in (*_STOP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        # One that came since the fork ends this process here.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)
        os.execvp(argv[0], argv)
    except FileNotFoundError:
        print(f"{argv[0]}: command not found", file=sys.stderr, flush=True)
        os._exit(127)
    except PermissionError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(126)
    except BaseException as error:
        print(f"The container could not be set up: {error}", file=sys.stderr, flush=True)
        os._exit(_SETUP_FAILED)


def _children(pid: int) -> list[int]:
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def _terminate(child: int) -> None:
    """SIGTERM for the program's process group, or for the child alone where it has not made its group yet."""
    for send in (os.killpg, os.kill):
        try:
            send(child, signal.SIGTERM)
            return
        except OSError:
            continue


def _kill_all(group: int) -> None:
    """Kill every descendant; those whose parent dies become children of this process, so a few rounds reach all."""
    while True:
        try:
            os.killpg(group, signal.SIGKILL)
        except OSError:
            pass
        for pid in _children(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def main() -> int:
    options, argv = json.loads(sys.argv[1]), sys.argv[2:]
    lifeline = options["lifeline"]
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    for number in (*_STOP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    # Until the child is the program, it must neither miss a signal nor handle it as the supervisor does.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    child = os.fork()
    if child == 0:
        os.close(lifeline)
        _become(argv, options)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP)
    # Only the program and its descendants may hold the output pipe, so that its end is seen.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    # Descriptors keep the numbers they have in the server, which may be larger than select() takes.
    waiting = select.poll()
    for descriptor in (lifeline, wake_read):
        waiting.register(descriptor, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in waiting.poll()}
        if lifeline in ready:
            _kill_all(child)
            return 128 + signal.SIGKILL
        if any(number in _STOP for number in os.read(wake_read, 64)):
            _terminate(child)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if pid == child:
                _kill_all(child)
                code = os.waitstatus_to_exitcode(status)
                return 128 - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(main())
