//! What `free` says, and what the firmware says of the slots.

use failure::Error;

use crate::exports::minion::hardware::hardware::{MainMemory, Slot};
use crate::firmware::{self, Part};
use crate::programs;

pub(crate) fn of_host() -> Result<MainMemory, Error> {
    let text = programs::text(&["free", "--bytes"])?;
    let total = |line: &str| {
        text.lines().find_map(|it| it.strip_prefix(line)?.split_whitespace().next()?.parse().ok())
    };
    let misread = || Error::Other(format!("`free` said what cannot be read: {text:?}"));
    let slots = match firmware::parts("17") {
        Ok(parts) => Some(parts.iter().map(slot).collect()),
        // What a host has without firmware that tells.
        Err(Error::Unsupported(_)) => None,
        Err(error) => return Err(error),
    };
    Ok(MainMemory { total: total("Mem:").ok_or_else(misread)?, swap: total("Swap:").unwrap_or(0), slots })
}

fn slot(part: &Part) -> Slot {
    Slot {
        name: part.get("Locator").or_else(|| part.get("Bank Locator")).unwrap_or_default(),
        size: part.get("Size").as_deref().and_then(bytes).unwrap_or(0),
        kind: part.get("Type"),
        speed: part.get("Configured Memory Speed").or_else(|| part.get("Speed")),
        manufacturer: part.get("Manufacturer"),
        part: part.get("Part Number"),
        serial: part.get("Serial Number"),
    }
}

/// A size as `16 GB`, which `dmidecode` means in powers of two.
fn bytes(size: &str) -> Option<u64> {
    let (number, unit) = size.split_once(' ')?;
    let shift = match unit.trim().trim_end_matches('B').to_ascii_lowercase().as_str() {
        "" | "bytes" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output;
    use minion_sdk::testing::Host;

    use super::*;

    const FREE: &str = "               total        used        free\nMem:     25276510208  2000 3000\nSwap:              5 0 5\n";

    #[test]
    fn slots_are_those_that_the_firmware_tells_of_the_empty_ones_too() {
        let told = "Memory Device\n\tTotal Width: 64 bits\n\tSize: 16 GB\n\tLocator: DIMM A1\n\tType: DDR4\n\tSpeed: 3200 MT/s\n\
                    \tManufacturer: Acme\n\tSerial Number: Not Specified\n\nMemory Device\n\tSize: No Module Installed\n\tLocator: \
                    DIMM A2\n\tType: Unknown\n\n";
        let _host = Host::new()
            .program(&["free", "--bytes"], Output::printed(FREE, 0))
            .program(&["dmidecode", "-q", "-t", "17"], Output::printed(told, 0));
        let memory = of_host().expect("read");
        assert_eq!((memory.total, memory.swap), (25_276_510_208, 5));
        let slots = memory.slots.expect("told");
        assert_eq!(
            (slots[0].name.as_str(), slots[0].size, slots[0].kind.as_deref()),
            ("DIMM A1", 16 << 30, Some("DDR4"))
        );
        assert_eq!((slots[0].speed.as_deref(), &slots[0].serial), (Some("3200 MT/s"), &None));
        assert_eq!((slots[1].name.as_str(), slots[1].size, &slots[1].kind), ("DIMM A2", 0, &None));
    }

    #[test]
    fn a_host_whose_firmware_says_nothing_has_memory_all_the_same() {
        let none =
            Output { stderr: b"/dev/mem: No such file or directory\n".to_vec(), ..Output::printed("", 1) };
        let _host = Host::new()
            .program(&["free", "--bytes"], Output::printed(FREE, 0))
            .program(&["dmidecode", "-q", "-t", "17"], none);
        assert_eq!(of_host().map(|memory| memory.slots), Ok(None));
    }
}
