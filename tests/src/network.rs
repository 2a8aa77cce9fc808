//! Hosts on a network of their own: namespaces that hang on one switch, which can go deaf to any of them.
//!
//! The switch has a namespace too, so that nothing of a network is seen outside of it and all can have the
//! same addresses.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::said::say_skipped;

/// Some hosts and the switch between them, for as long as this lives.
pub struct Network {
    name: String,
    hosts: Vec<Host>,
}

struct Host {
    name: String,
    address: Ipv4Addr,
}

impl Network {
    /// A network of hosts with these names; `None` where this machine does not let us make one, which is said
    /// on stderr.
    pub fn of(hosts: &[&str]) -> Option<Self> {
        static LEFTOVERS: Once = Once::new();
        LEFTOVERS.call_once(clear_leftovers);
        static NETWORKS: AtomicU32 = AtomicU32::new(0);
        let number = NETWORKS.fetch_add(1, Ordering::Relaxed);
        let mut network =
            Self { name: format!("{PREFIX}{}-{number}", std::process::id()), hosts: Vec::new() };
        let made =
            network.add_switch().and_then(|()| hosts.iter().try_for_each(|host| network.add_host(host)));
        match made {
            Ok(()) => Some(network),
            Err(why) => {
                say_skipped(&format!("there can be no network namespaces here: {why}"));
                None
            }
        }
    }

    /// A command that runs on a host.
    pub fn command(&self, host: &str, program: &Path) -> Command {
        let mut command = Command::new("ip");
        // It becomes the program, and with it the process whose id we know.
        command.args(["netns", "exec", &self.namespace(host)]).arg(program);
        command
    }

    /// Where a host is at this moment.
    ///
    /// # Panics
    /// Where there is no such host.
    pub fn address(&self, host: &str) -> Ipv4Addr {
        self.host(host).address
    }

    /// Lets nothing through to a host or from it any more. Nobody is told: what is sent is lost.
    pub fn cut(&self, host: &str) {
        self.must(&["-n", &self.switch(), "link", "set", &self.host(host).port(), "nomaster"]);
    }

    /// Lets everything through to a host and from it again.
    pub fn restore(&self, host: &str) {
        self.must(&["-n", &self.switch(), "link", "set", &self.host(host).port(), "master", BRIDGE]);
    }

    /// Gives a host another address in place of the one that it has.
    ///
    /// # Panics
    /// Where that cannot be done.
    pub fn renumber(&mut self, host: &str) {
        let (old, space) = (self.address(host), self.namespace(host));
        let [a, b, c, d] = old.octets();
        let new = Ipv4Addr::new(a, b, c, d + 100);
        self.must(&["-n", &space, "addr", "del", &format!("{old}/24"), "dev", CARD]);
        self.must(&["-n", &space, "addr", "add", &format!("{new}/24"), "dev", CARD]);
        let host = self.hosts.iter_mut().find(|candidate| candidate.name == host);
        host.unwrap_or_else(|| panic!("it was there a moment ago")).address = new;
    }

    fn add_switch(&self) -> Result<(), String> {
        let switch = self.switch();
        ip(&["netns", "add", &switch])?;
        ip(&["-n", &switch, "link", "add", BRIDGE, "type", "bridge"])?;
        ip(&["-n", &switch, "link", "set", BRIDGE, "up"])
    }

    fn add_host(&mut self, name: &str) -> Result<(), String> {
        let number = u8::try_from(self.hosts.len() + 1).map_err(|error| error.to_string())?;
        let host = Host { name: name.to_owned(), address: Ipv4Addr::new(10, 77, 0, number) };
        let (space, switch, port) = (self.namespace(name), self.switch(), host.port());
        let address = format!("{}/24", host.address);
        self.hosts.push(host);
        ip(&["netns", "add", &space])?;
        ip(&["link", "add", &port, "netns", &switch, "type", "veth", "peer", "name", CARD, "netns", &space])?;
        ip(&["-n", &switch, "link", "set", &port, "master", BRIDGE, "up"])?;
        ip(&["-n", &space, "addr", "add", &address, "dev", CARD])?;
        ip(&["-n", &space, "link", "set", "lo", "up"])?;
        ip(&["-n", &space, "link", "set", CARD, "up"])
    }

    fn host(&self, name: &str) -> &Host {
        let host = self.hosts.iter().find(|host| host.name == name);
        host.unwrap_or_else(|| panic!("there is no host \"{name}\""))
    }

    fn switch(&self) -> String {
        format!("{}-switch", self.name)
    }

    fn namespace(&self, host: &str) -> String {
        format!("{}-host-{host}", self.name)
    }

    fn must(&self, arguments: &[&str]) {
        ip(arguments).unwrap_or_else(|error| panic!("{error}"));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The cables go with the switch. What is not there was not made.
        let _ = ip(&["netns", "del", &self.switch()]);
        for host in &self.hosts {
            let _ = ip(&["netns", "del", &self.namespace(&host.name)]);
        }
    }
}

impl Host {
    /// The switch's end of its cable.
    fn port(&self) -> String {
        format!("port{}", self.address.octets()[3] % 100)
    }
}

/// Removes the networks of test processes that are gone, with what still runs on them.
fn clear_leftovers() {
    let Ok(listed) = output(&["netns", "list"]) else { return };
    for name in listed.lines().filter_map(|line| line.split_whitespace().next()) {
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        let Some(owner) = owner.and_then(|owner| owner.parse::<u32>().ok()) else { continue };
        if Path::new(&format!("/proc/{owner}")).exists() {
            continue;
        }
        for pid in output(&["netns", "pids", name]).unwrap_or_default().lines() {
            let pid = pid.trim().parse().map(nix::unistd::Pid::from_raw);
            // It may have ended by itself in between, as the namespace may have been removed by another.
            let _ = pid.map(|pid| nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL));
        }
        let _ = ip(&["netns", "del", name]);
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    output(arguments).map(|_| ())
}

fn output(arguments: &[&str]) -> Result<String, String> {
    let said = |error: &dyn std::fmt::Display| format!("`ip {}`: {error}", arguments.join(" "));
    let Output { status, stdout, stderr } =
        Command::new("ip").args(arguments).output().map_err(|error| said(&error))?;
    if status.success() {
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    } else {
        Err(said(&String::from_utf8_lossy(&stderr).trim()))
    }
}

const PREFIX: &str = "overlord-rig-";
const BRIDGE: &str = "bridge";
const CARD: &str = "card";
