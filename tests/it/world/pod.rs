//! A container like one of a pod: a root that cannot be written to, with the system's
//! programs and `snow` in it, and volumes. It is a namespace of users and mounts.

use std::path::Path;
use std::process::Command;

use super::Outcome;
use super::process::{finish, program, tool};

/// A directory of this machine, at a path of the container.
pub struct Volume<'a> {
    pub path: &'a str,
    pub directory: &'a Path,
    pub is_writable: bool,
}

/// `$1` is where the root is made, `$2` the program, `$3` how many volumes follow.
const SCRIPT: &str = r#"
root=$1 program=$2 volumes=$3
shift 3
mount -t tmpfs none "$root"
mkdir "$root/usr" "$root/dev" "$root/run" "$root/var" "$root/app"
cp -P /bin /lib /lib64 "$root/"
ln -s /run "$root/var/run"
mount --rbind /usr "$root/usr"
mount --rbind /dev "$root/dev"
touch "$root/app/snow"
mount --bind "$program" "$root/app/snow"
while [ "$volumes" -gt 0 ]; do
    mkdir -p "$root$1"
    mount --bind "$2" "$root$1"
    [ "$3" = rw ] || mount -o remount,bind,ro "$root$1"
    volumes=$((volumes - 1))
    shift 3
done
mount -o remount,bind,ro "$root"
cd /
exec chroot "$root" "$@"
"#;

/// Runs a command in it to its end, with these variables and no home.
pub fn run(command: &[&str], variables: &[(&str, &str)], volumes: &[Volume]) -> Outcome {
    let root = tempfile::tempdir().expect("a temporary root");
    let mut unshare: Command = tool("unshare");
    unshare.env_clear().env("PATH", "/app:/usr/sbin:/usr/bin").envs(variables.iter().copied());
    unshare.args(["--user", "--map-root-user", "--mount", "sh", "-euc", SCRIPT, "sh"]);
    unshare.arg(root.path()).arg(program()).arg(volumes.len().to_string());
    for volume in volumes {
        unshare.arg(volume.path).arg(volume.directory).arg(if volume.is_writable { "rw" } else { "ro" });
    }
    unshare.args(command);
    finish(unshare, b"")
}
