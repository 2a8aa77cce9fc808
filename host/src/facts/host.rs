//! What the system says about itself.

use serde_json::Value as Json;
use sysinfo::{CpuRefreshKind, Networks, System};

use super::gathered::Paths;
use super::virtualisation;

/// Everything that can be learnt of the host. A fact that the system does not tell is left out. Blocks.
pub(super) fn gather() -> Paths {
    let mut facts = Facts(Paths::new());
    facts.add("minion.version", Some(env!("CARGO_PKG_VERSION")));
    facts.add("hostname", System::host_name().ok());
    facts.add("arch", Some(System::cpu_arch()));
    facts.add("kernel", System::kernel_version().ok());
    facts.add("uptime", System::uptime().ok());
    facts.add("virtualisation", Some(virtualisation::detect()));
    facts.add("addresses", addresses());
    operating_system(&mut facts);
    resources(&mut facts);
    facts.0
}

/// Facts while they are gathered.
struct Facts(Paths);

impl Facts {
    fn add<T: Into<Json>>(&mut self, path: &str, fact: Option<T>) {
        if let Some(fact) = fact {
            self.0.insert(path.to_owned(), fact.into());
        }
    }
}

fn operating_system(facts: &mut Facts) {
    let id = System::distribution_id();
    // Its own first, so that a test on the family finds the distribution that the others come from.
    let family: Vec<String> = [id.clone()].into_iter().chain(System::distribution_id_like()).collect();
    facts.add("os", Some(id.clone()));
    facts.add("os.id", Some(id));
    facts.add("os.family", Some(family));
    facts.add("os.name", System::name().ok());
    facts.add("os.version", System::os_version().ok());
}

fn resources(facts: &mut Facts) {
    let Ok(mut system) = System::new() else { return };
    system.refresh_memory();
    system.refresh_cpu_list(CpuRefreshKind::nothing());
    facts.add("cpus", Some(system.cpus().len()));
    facts.add("mem.total", Some(system.total_memory()));
    facts.add("mem.available", Some(system.available_memory()));
}

/// The addresses under which others may reach the host, in order.
fn addresses() -> Option<Vec<String>> {
    let networks = Networks::new_with_refreshed_list().ok()?;
    let mut addresses: Vec<_> = networks
        .values()
        .flat_map(|network| network.ip_networks())
        .map(|network| network.addr)
        .filter(|address| !address.is_loopback())
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    Some(addresses.iter().take(MAX_ADDRESSES).map(ToString::to_string).collect())
}

/// A host of many containers has an address for each of them.
const MAX_ADDRESSES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_has_a_system_a_kernel_and_memory() {
        let facts = gather();
        for path in ["os", "os.id", "kernel", "arch", "hostname", "minion.version", "virtualisation"] {
            assert!(facts[path].as_str().is_some_and(|fact| !fact.is_empty()), "{path}: {:?}", facts[path]);
        }
        assert!(facts["cpus"].as_u64() > Some(0));
        assert!(facts["mem.total"].as_u64() >= facts["mem.available"].as_u64());
        assert_eq!(facts["os.family"][0], facts["os"]);
        assert!(facts["addresses"].is_array());
    }
}
