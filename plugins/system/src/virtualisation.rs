//! Whether the host is a machine, a virtual machine or a container.

use crate::files::optional;

/// The kind of container or hypervisor, `vm` for one that is not known, `none` for a real machine.
pub(crate) fn detect(cpuinfo: &str) -> String {
    if let Some(container) = container() {
        return container;
    }
    let firmware = |name: &str| {
        let named = optional(&format!("/sys/class/dmi/id/{name}"));
        named.or_else(|| optional(&format!("/sys/devices/virtual/dmi/id/{name}"))).unwrap_or_default()
    };
    let hypervisor = hypervisor(&firmware("sys_vendor"), &firmware("product_name"));
    match (hypervisor, optional("/sys/hypervisor/type"), is_virtual(cpuinfo)) {
        (Some(hypervisor), _, _) => hypervisor.to_owned(),
        (None, Some(kind), _) if !kind.trim().is_empty() => kind.trim().to_owned(),
        (None, _, true) => "vm".to_owned(),
        (None, _, false) => "none".to_owned(),
    }
}

/// What the init of a container wrote down, or what is there in those of one kind.
fn container() -> Option<String> {
    let told = optional("/run/systemd/container").map(|told| told.trim().to_owned());
    told.filter(|told| !told.is_empty())
        .or_else(|| optional("/run/.containerenv").map(|_| "podman".to_owned()))
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
fn is_virtual(cpuinfo: &str) -> bool {
    let mut flags = cpuinfo.lines().find(|line| line.starts_with("flags")).into_iter();
    flags.any(|line| line.split_whitespace().any(|flag| flag == "hypervisor"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hypervisors_are_known_by_their_firmware() {
        assert_eq!(hypervisor("QEMU", "Standard PC (Q35 + ICH9, 2009)"), Some("qemu"));
        assert_eq!(hypervisor("Microsoft Corporation", "Surface Laptop"), None);
        assert!(is_virtual("flags\t: fpu hypervisor lm\n") && !is_virtual("flags\t: fpu lm\n"));
    }
}
