//! What `smartctl --json` says.

use failure::Error;
use minion_sdk::process::{Output, Status};
use serde::Deserialize;

use crate::exports::minion::hardware::hardware::Health;
use crate::loose::word;
use crate::programs::{self, json};

/// How many sectors were replaced, and how many wait for that, among the attributes of a disk with ATA.
const REALLOCATED: u64 = 5;
const PENDING: u64 = 197;

/// The bits of the exit status that say that it could not do what it should. The others are about the disk.
const COULD_NOT: i32 = 0b11;

#[derive(Deserialize)]
struct Scan {
    #[serde(default)]
    devices: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    smartctl: About,
    model_name: Option<String>,
    serial_number: Option<String>,
    firmware_version: Option<String>,
    smart_status: Option<Standing>,
    temperature: Option<Temperature>,
    power_on_time: Option<Hours>,
    ata_smart_attributes: Option<Attributes>,
    nvme_smart_health_information_log: Option<Nvme>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct About {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    string: String,
}

#[derive(Deserialize)]
struct Standing {
    passed: Option<bool>,
}

#[derive(Deserialize)]
struct Temperature {
    current: Option<i64>,
}

#[derive(Deserialize)]
struct Hours {
    hours: Option<u64>,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(default)]
    table: Vec<Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
    id: u64,
    raw: Raw,
}

#[derive(Deserialize)]
struct Raw {
    value: u64,
}

#[derive(Deserialize)]
struct Nvme {
    percentage_used: Option<u64>,
    media_errors: Option<u64>,
}

/// What each disk says that `smartctl` finds and that answers.
pub(crate) fn of_host() -> Result<Vec<Health>, Error> {
    let argv = ["smartctl", "--json", "--scan-open"];
    let output = programs::run(&argv)?;
    let scan: Scan = if output.success() {
        json("smartctl", &output.stdout_text())?
    } else {
        return Err(failure::failed(&argv, &output));
    };
    let ask = |Found { name, kind }: &Found| {
        let kind = format!("--device={kind}");
        let (told, _) =
            ask(&["smartctl", "--json", "--info", "--health", "--attributes", &kind, "--", name])?;
        Ok(health(name.clone(), told))
    };
    scan.devices.iter().map(ask).collect()
}

/// What this disk says.
pub(crate) fn of_device(device: &str) -> Result<Health, Error> {
    let name = device.strip_prefix("/dev/").unwrap_or_default();
    let is_one = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.' | '/');
    let climbs = name.split('/').any(|step| matches!(step, "" | "." | ".."));
    if climbs || !name.chars().all(is_one) {
        return Err(Error::Invalid("`device` is none: write its path, as \"/dev/sda\"".to_owned()));
    }
    let (told, status) = ask(&["smartctl", "--json", "--info", "--health", "--attributes", "--", device])?;
    let health = health(device.to_owned(), told);
    let could_not = matches!(status, Status::Exited(code) if code & COULD_NOT != 0);
    match &health.problem {
        Some(why) if could_not && why.contains("No such") => Err(Error::NotFound(why.clone())),
        Some(why) if could_not && why.contains("Unable to detect device type") => {
            Err(Error::Unsupported(why.clone()))
        }
        _ => Ok(health),
    }
}

fn ask(argv: &[&str]) -> Result<(Told, Status), Error> {
    let output: Output = programs::run(argv)?;
    match output.status {
        Status::Exited(_) => Ok((json("smartctl", &output.stdout_text())?, output.status)),
        Status::Signalled(_) | Status::TimedOut => Err(failure::failed(argv, &output)),
    }
}

fn health(device: String, told: Told) -> Health {
    let attribute = |id: u64| {
        let table = &told.ata_smart_attributes.as_ref()?.table;
        // Some disks keep other things in the upper half of it.
        table.iter().find(|attribute| attribute.id == id).map(|attribute| attribute.raw.value & 0xffff_ffff)
    };
    let nvme = told.nvme_smart_health_information_log.as_ref();
    let problems: Vec<String> =
        told.smartctl.messages.iter().filter_map(|message| word(&message.string)).collect();
    Health {
        device,
        passed: told.smart_status.as_ref().and_then(|status| status.passed),
        temperature: told.temperature.as_ref().and_then(|temperature| temperature.current),
        power_on_hours: told.power_on_time.as_ref().and_then(|time| time.hours),
        reallocated: attribute(REALLOCATED),
        pending: attribute(PENDING),
        wear: nvme.and_then(|nvme| nvme.percentage_used),
        media_errors: nvme.and_then(|nvme| nvme.media_errors),
        problem: word(problems.join("; ")),
        model: told.model_name.and_then(word),
        serial: told.serial_number.and_then(word),
        firmware: told.firmware_version.and_then(word),
    }
}

#[cfg(test)]
mod tests {
    use minion_sdk::testing::Host;

    use super::*;

    #[test]
    fn disks_of_both_kinds_say_how_they_are() {
        let ata = r#"{"smartctl": {"exit_status": 64}, "model_name": "Acme SSD", "serial_number": "S1", "firmware_version": "1.0",
            "smart_status": {"passed": true}, "temperature": {"current": 31}, "power_on_time": {"hours": 12000},
            "ata_smart_attributes": {"revision": 1, "table": [{"id": 5, "raw": {"value": 7, "string": "7"}}, {"id": 197, "raw":
            {"value": 4294967298}}]}}"#;
        let nvme = r#"{"smart_status": {"passed": false}, "nvme_smart_health_information_log": {"percentage_used": 101,
            "media_errors": 3}}"#;
        let scan =
            r#"{"devices": [{"name": "/dev/sda", "type": "sat"}, {"name": "/dev/nvme0", "type": "nvme"}]}"#;
        let ask = |kind, name| ["smartctl", "--json", "--info", "--health", "--attributes", kind, "--", name];
        let _host = Host::new()
            .program(&["smartctl", "--json", "--scan-open"], Output::printed(scan, 0))
            .program(&ask("--device=sat", "/dev/sda"), Output::printed(ata, 64))
            .program(&ask("--device=nvme", "/dev/nvme0"), Output::printed(nvme, 8));
        let found = of_host().expect("asked");
        let (first, second) = (&found[0], &found[1]);
        assert_eq!(
            (first.passed, first.temperature, first.power_on_hours),
            (Some(true), Some(31), Some(12_000))
        );
        assert_eq!((first.reallocated, first.pending, first.wear), (Some(7), Some(2), None));
        assert_eq!(
            (second.passed, second.wear, second.media_errors, &second.model),
            (Some(false), Some(101), Some(3), &None)
        );
    }

    #[test]
    fn what_is_no_disk_is_said_and_what_is_no_path_is_never_asked() {
        let told = |why: &str, exit| {
            let text =
                format!(r#"{{"smartctl": {{"messages": [{{"string": "{why}", "severity": "error"}}]}}}}"#);
            let argv = ["smartctl", "--json", "--info", "--health", "--attributes", "--", "/dev/x"];
            let _host = Host::new().program(&argv, Output::printed(&text, exit));
            of_device("/dev/x")
        };
        assert!(matches!(told("open device: /dev/x failed: No such device", 2), Err(Error::NotFound(_))));
        assert!(matches!(told("/dev/x: Unable to detect device type", 1), Err(Error::Unsupported(_))));
        assert!(told("Permission denied", 2).is_ok_and(|health| health.problem.is_some()));
        for bad in ["", "sda", "/dev/", "/dev/../etc", "/dev/a b", "-x", "/dev/./sda", "/dev//sda"] {
            assert!(matches!(of_device(bad), Err(Error::Invalid(_))), "{bad}");
        }
    }
}
