//! What `dmidecode` says.

use failure::Error;

use crate::exports::minion::hardware::hardware::Identity;
use crate::loose::word;
use crate::programs;

/// What makers write where they have nothing to say.
const SAYS_NOTHING: [&str; 14] = [
    "0x00000000",
    "<bad index>",
    "<out of spec>",
    "default string",
    "empty",
    "n/a",
    "no module installed",
    "none",
    "not applicable",
    "not available",
    "not present",
    "not specified",
    "to be filled by o.e.m.",
    "unknown",
];

/// One thing that the firmware tells of.
pub(crate) struct Part {
    title: String,
    fields: Vec<(String, String)>,
}

impl Part {
    /// What a field says, where that is anything.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let (_, value) = self.fields.iter().find(|(field, _)| field == name)?;
        let is_empty = SAYS_NOTHING.contains(&value.to_ascii_lowercase().as_str());
        if is_empty { None } else { word(value) }
    }
}

/// What the firmware says of the machine.
pub(crate) fn machine() -> Result<Identity, Error> {
    let parts = parts("0,1,2,3")?;
    let get = |title: &str, field: &str| parts.iter().find(|part| part.title == title)?.get(field);
    let (bios, system, board, case) =
        ("BIOS Information", "System Information", "Base Board Information", "Chassis Information");
    Ok(Identity {
        manufacturer: get(system, "Manufacturer"),
        product: get(system, "Product Name"),
        version: get(system, "Version"),
        serial: get(system, "Serial Number"),
        uuid: get(system, "UUID"),
        chassis: get(case, "Type"),
        asset_tag: get(case, "Asset Tag"),
        board_manufacturer: get(board, "Manufacturer"),
        board: get(board, "Product Name"),
        bios_vendor: get(bios, "Vendor"),
        bios_version: get(bios, "Version"),
        bios_date: get(bios, "Release Date"),
    })
}

/// The things of these kinds, by their numbers.
///
/// # Errors
/// `unsupported` where the host has no such firmware.
pub(crate) fn parts(kinds: &str) -> Result<Vec<Part>, Error> {
    let argv = ["dmidecode", "-q", "-t", kinds];
    let output = programs::run(&argv)?;
    let (text, errors) = (output.stdout_text(), output.stderr_text());
    let without = |text: &str| {
        ["No SMBIOS", "/dev/mem: No such file", "/dev/mem: Operation not permitted"]
            .iter()
            .any(|it| text.contains(it))
    };
    if without(&text) || without(&errors) {
        return Err(Error::Unsupported("this host has no firmware that tells of it by DMI".to_owned()));
    }
    if errors.contains("Permission denied") {
        return Err(Error::Denied(
            "what the firmware tells only root may read: run the minion as root".to_owned(),
        ));
    }
    if !output.success() {
        return Err(failure::failed(&argv, &output));
    }
    Ok(read(&text))
}

/// Blocks with an empty line between them, each with a title and indented fields. What is indented more belongs to a list.
fn read(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut begins = true;
    for line in text.lines() {
        if line.trim().is_empty() {
            begins = true;
        } else if begins && !line.starts_with(char::is_whitespace) {
            parts.push(Part { title: line.trim().to_owned(), fields: Vec::new() });
            begins = false;
        } else if let (Some(part), Some(field)) = (parts.last_mut(), line.strip_prefix('\t'))
            && let Some((name, value)) = field.split_once(':')
            && !field.starts_with('\t')
        {
            part.fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output;
    use minion_sdk::testing::Host;

    use super::*;

    const ARGV: [&str; 4] = ["dmidecode", "-q", "-t", "0,1,2,3"];

    #[test]
    fn a_machine_is_what_its_firmware_says_and_what_it_does_not_say_is_none() {
        let told = "BIOS Information\n\tVendor: SeaBIOS\n\tVersion: 1.16\n\tRelease Date: 04/01/2014\n\tCharacteristics:\n\t\tPCI \
                    is: supported\n\nSystem Information\n\tManufacturer: QEMU\n\tProduct Name: Standard PC: Q35\n\tSerial \
                    Number: Not Specified\n\tVersion: To Be Filled By O.E.M.\n\nChassis Information\n\tType: Other\n";
        let _host = Host::new().program(&ARGV, Output::printed(told, 0));
        let machine = machine().expect("read");
        assert_eq!(
            (machine.bios_vendor.as_deref(), machine.product.as_deref()),
            (Some("SeaBIOS"), Some("Standard PC: Q35"))
        );
        assert_eq!((machine.serial, machine.version, machine.board), (None, None, None));
        assert_eq!(machine.chassis.as_deref(), Some("Other"));
    }

    #[test]
    fn firmware_that_says_nothing_is_not_supported_and_who_may_not_ask_is_told_so() {
        let said = |errors: &str, exit| {
            let output = Output { stderr: errors.as_bytes().to_vec(), ..Output::printed("", exit) };
            let _host = Host::new().program(&ARGV, output);
            machine().expect_err("nothing is there")
        };
        for text in
            ["/dev/mem: No such file or directory\n", "# No SMBIOS nor DMI entry point found, sorry.\n"]
        {
            assert!(matches!(said(text, 1), Error::Unsupported(_)), "{text}");
        }
        assert!(matches!(
            said("/sys/firmware/dmi/tables/smbios_entry_point: Permission denied\n", 1),
            Error::Denied(_)
        ));
        assert!(matches!(said("broken\n", 1), Error::Failed(_)));
    }
}
