//! What `lspci` and `lsusb` say.

use failure::Error;
use minion_sdk::process::Status;

use crate::exports::minion::hardware::hardware::{PciDevice, UsbDevice};
use crate::programs;

/// Reads blocks of lines as `Vendor:	Intel Corporation [8086]`, with an empty line between them.
pub(crate) fn pci(text: &str) -> Vec<PciDevice> {
    let mut devices = Vec::new();
    for block in text.split("\n\n") {
        let fields: Vec<(&str, &str)> = block.lines().filter_map(|line| line.split_once(":\t")).collect();
        let get = |name: &str| fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.trim());
        let Some(slot) = get("Slot") else { continue };
        let (class, _) = named(get("Class"));
        let ((vendor, vendor_id), (device, device_id)) = (named(get("Vendor")), named(get("Device")));
        let modules = fields.iter().filter(|(field, _)| *field == "Module");
        devices.push(PciDevice {
            slot: slot.to_owned(),
            class,
            vendor,
            device,
            id: format!("{vendor_id}:{device_id}"),
            driver: get("Driver").map(str::to_owned),
            modules: modules.map(|(_, module)| module.trim().to_owned()).collect(),
        });
    }
    devices
}

/// A name with a number in brackets behind it, apart.
fn named(text: Option<&str>) -> (String, String) {
    let text = text.unwrap_or_default();
    let parts = text.strip_suffix(']').and_then(|text| text.rsplit_once('['));
    let (name, number) = parts.unwrap_or((text, ""));
    (name.trim().to_owned(), number.to_owned())
}

pub(crate) fn usb() -> Result<Vec<UsbDevice>, Error> {
    let output = programs::run(&["lsusb"])?;
    match output.status {
        Status::Exited(0) => Ok(output.stdout_text().lines().filter_map(usb_device).collect()),
        // What it says where there is no USB at all.
        Status::Exited(1) if output.stdout.is_empty() => Ok(Vec::new()),
        _ => Err(failure::failed(&["lsusb"], &output)),
    }
}

/// Reads `Bus 001 Device 002: ID 8087:0024 Intel Corp. Hub`.
fn usb_device(line: &str) -> Option<UsbDevice> {
    let (bus, rest) = line.strip_prefix("Bus ")?.split_once(" Device ")?;
    let (device, rest) = rest.split_once(": ID ")?;
    let (id, name) = rest.split_once(' ').unwrap_or((rest, ""));
    Some(UsbDevice {
        bus: bus.parse().ok()?,
        device: device.parse().ok()?,
        id: id.to_owned(),
        name: name.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output;
    use minion_sdk::testing::Host;

    use super::*;

    #[test]
    fn a_device_has_names_numbers_and_a_driver() {
        let text = "Slot:\t0000:00:02.0\nClass:\tMass storage controller [0180]\nVendor:\tRed Hat, Inc. [1af4]\nDevice:\tVirtio [x] \
                    block device [1042]\nSVendor:\tRed Hat, Inc. [1af4]\nRev:\t01\nDriver:\tvirtio-pci\nModule:\ta\nModule:\tb\n\n\
                    Slot:\t0000:00:03.0\nClass:\tUnknown\n\nnonsense\n";
        let devices = pci(text);
        assert_eq!(devices.len(), 2);
        let first = &devices[0];
        assert_eq!((first.slot.as_str(), first.class.as_str()), ("0000:00:02.0", "Mass storage controller"));
        assert_eq!((first.device.as_str(), first.id.as_str()), ("Virtio [x] block device", "1af4:1042"));
        assert_eq!(
            (first.driver.as_deref(), &first.modules[..]),
            (Some("virtio-pci"), &["a".to_owned(), "b".to_owned()][..])
        );
        assert_eq!((devices[1].class.as_str(), devices[1].id.as_str()), ("Unknown", ":"));
    }

    #[test]
    fn usb_is_listed_and_a_host_without_any_has_none() {
        let text =
            "Bus 001 Device 002: ID 8087:0024 Intel Corp. Hub\nBus 001 Device 001: ID 1d6b:0002\nnonsense\n";
        let host = Host::new().program(&["lsusb"], Output::printed(text, 0));
        let found = usb().expect("listed");
        assert_eq!(
            (found[0].device, found[0].id.as_str(), found[0].name.as_str()),
            (2, "8087:0024", "Intel Corp. Hub")
        );
        assert_eq!((found.len(), found[1].name.as_str()), (2, ""));
        drop(host);
        let _host = Host::new().program(&["lsusb"], Output::printed("", 1));
        assert_eq!(usb(), Ok(Vec::new()));
    }
}
