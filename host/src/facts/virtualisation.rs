//! Whether the host is a machine, a virtual machine or a container.

use std::fs;
use std::path::Path;

use sysinfo::Product;

/// The kind of container or hypervisor, `vm` for one that nobody here knows, `none` for a real machine.
pub(super) fn detect() -> String {
    if let Some(container) = container() {
        return container;
    }
    let vendor = Product::vendor_name().unwrap_or_default();
    let product = Product::name().unwrap_or_default();
    // A machine of Xen's own kind has no firmware that would say so.
    let told = fs::read_to_string("/sys/hypervisor/type").unwrap_or_default();
    match hypervisor(&vendor, &product) {
        Some(hypervisor) => hypervisor.to_owned(),
        None if !told.trim().is_empty() => told.trim().to_owned(),
        None if runs_on_hypervisor() => "vm".to_owned(),
        None => "none".to_owned(),
    }
}

fn container() -> Option<String> {
    // The init of a container writes down what its manager calls itself.
    let told = fs::read_to_string("/run/systemd/container").unwrap_or_default();
    let marked = [("/.dockerenv", "docker"), ("/run/.containerenv", "podman")];
    match told.trim() {
        "" => marked.iter().find(|(mark, _)| Path::new(mark).exists()).map(|(_, kind)| (*kind).to_owned()),
        told => Some(told.to_owned()),
    }
}

/// The hypervisor whose firmware names these.
fn hypervisor(vendor: &str, product: &str) -> Option<&'static str> {
    let known = [
        ("QEMU", "qemu"),
        ("KVM", "kvm"),
        ("VMware", "vmware"),
        ("VirtualBox", "virtualbox"),
        ("Xen", "xen"),
        ("Virtual Machine", "hyper-v"),
        ("Amazon EC2", "amazon"),
        ("Google Compute Engine", "google"),
        ("Parallels", "parallels"),
        ("OpenStack", "openstack"),
    ];
    // A product says more than its vendor, which may make machines as well.
    let named = |text: &str| known.iter().find(|(mark, _)| text.contains(mark)).map(|(_, kind)| *kind);
    named(product).or_else(|| named(vendor))
}

/// Whether the processor says that it is a virtual one.
fn runs_on_hypervisor() -> bool {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut flags = processors.lines().find(|line| line.starts_with("flags")).into_iter();
    flags.any(|line| line.split_whitespace().any(|flag| flag == "hypervisor"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hypervisors_are_known_by_their_firmware() {
        assert_eq!(hypervisor("QEMU", "Standard PC (Q35 + ICH9, 2009)"), Some("qemu"));
        assert_eq!(hypervisor("Microsoft Corporation", "Virtual Machine"), Some("hyper-v"));
        assert_eq!(hypervisor("Microsoft Corporation", "Surface Laptop"), None);
        assert_eq!(hypervisor("Red Hat", "KVM"), Some("kvm"));
        assert_eq!(hypervisor("", ""), None);
    }
}
