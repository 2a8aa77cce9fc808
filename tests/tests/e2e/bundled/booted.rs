//! A copy of this host in which systemd runs, as it does on most.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rig::say_skipped;

use super::{Bench, COPY, built_dir, can_unshare, unshared};

/// How systemd becomes the first process of the copy: `$3` is the socket that it reports to. It runs none of the host's own
/// services, and nothing that would change the kernel, whose settings it sees without being able to write them.
const BOOT: &str = r#"
root="$1/root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
touch "$root/run/told"
mount --bind "$3" "$root/run/told"
rm -rf "$root"/etc/systemd/system/*.wants
for unit in systemd-modules-load systemd-sysctl systemd-remount-fs systemd-udevd systemd-udev-trigger systemd-timesyncd; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit.service"
done
echo 0123456789abcdef0123456789abcdef > "$root/etc/machine-id"
exec chroot "$root" env -i container=other NOTIFY_SOCKET=/run/told PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=multi-user.target
"#;

/// How a control group of its own is made before that: `$4` is its name.
const GROUP: &str = r#"
set -e
mount -t cgroup2 cgroup2 "$1"
mkdir "$1/$4"
echo $$ > "$1/$4/cgroup.procs"
umount "$1"
exec unshare --pid --fork --kill-child --uts --ipc --cgroup --net sh -c "$5" sh "$1" "$2" "$3"
"#;

/// How that is taken away: `$1` is a folder to mount on, `$2` the name.
const UNGROUP: &str = r#"
mount -t cgroup2 cgroup2 "$1" && find "$1/$2" -depth -type d -exec rmdir {} +
"#;

/// A control group, which is taken away when it is dropped, once all is gone that was in it.
struct Group(String);

impl Drop for Group {
    fn drop(&mut self) {
        let mount = tempfile::tempdir().expect("a folder");
        for _ in 0..500 {
            let mut command = unshared(&["--mount"], UNGROUP);
            let done = command.arg(mount.path()).arg(&self.0).stderr(Stdio::null()).status();
            if done.is_ok_and(|status| status.success()) {
                return;
            }
            // The kernel ends what was in it by and by.
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Bench {
    /// A copy in which systemd runs; says so where there can be none.
    pub(super) fn booted() -> Option<Self> {
        if !can_unshare() {
            return None;
        }
        if !Path::new("/lib/systemd/systemd").exists() {
            say_skipped("this host has no systemd to try the module `service` with");
            return None;
        }
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mount = tempfile::tempdir().expect("a folder");
        let told = tempfile::tempdir().expect("a folder");
        let socket = UnixDatagram::bind(told.path().join("told")).expect("bound");
        let name = format!("overlord-bench-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut command = unshared(&["--mount"], GROUP);
        command.arg(mount.path()).arg(built_dir()).arg(told.path().join("told")).arg(&name);
        command.arg([COPY, BOOT].concat()).stdin(Stdio::null()).stdout(Stdio::null());
        let mut keeper = command.spawn().expect("started");
        let group = Group(name);
        if !is_up(&socket, &mut keeper) {
            let _ = keeper.kill();
            let _ = keeper.wait();
            say_skipped("no systemd can be booted in a copy of this host");
            return None;
        }
        let children = format!("/proc/{0}/task/{0}/children", keeper.id());
        let first = fs::read_to_string(children).expect("read");
        let first = first.trim().parse().expect("one child, the first process of the copy");
        let namespaces = &["--mount", "--pid", "--cgroup", "--uts", "--ipc", "--net"];
        Some(Self { keeper, inside: (first, namespaces), _after: Some(Box::new(group)), _mount: mount })
    }
}

/// Waits until systemd says that it is up, or is gone, or a minute has passed.
fn is_up(socket: &UnixDatagram, keeper: &mut Child) -> bool {
    socket.set_read_timeout(Some(Duration::from_millis(500))).expect("set");
    let mut message = [0; 4096];
    for _ in 0..120 {
        match socket.recv(&mut message) {
            Ok(length) => {
                let told = String::from_utf8_lossy(&message[..length]);
                if told.lines().any(|line| line == "READY=1") {
                    return true;
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if keeper.try_wait().expect("asked").is_some() {
                    return false;
                }
            }
            Err(_) => return false,
        }
    }
    false
}
