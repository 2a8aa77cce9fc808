//! What `lsblk --json` says.

use failure::Error;
use serde::Deserialize;

use crate::exports::minion::hardware::hardware::Disk;
use crate::loose::{self, word};
use crate::programs::json;

/// The columns that `lsblk` is asked for. The policy that the module suggests has the same words.
pub(crate) const COLUMNS: &str = "NAME,TYPE,SIZE,RO,RM,ROTA,MOUNTPOINT,FSTYPE,LABEL,UUID,MODEL,SERIAL,TRAN";

#[derive(Deserialize)]
struct Told {
    blockdevices: Vec<Device>,
}

#[derive(Deserialize)]
struct Device {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(deserialize_with = "loose::number")]
    size: u64,
    #[serde(deserialize_with = "loose::truth")]
    ro: bool,
    #[serde(deserialize_with = "loose::truth")]
    rm: bool,
    #[serde(deserialize_with = "loose::truth")]
    rota: bool,
    mountpoint: Option<String>,
    fstype: Option<String>,
    label: Option<String>,
    uuid: Option<String>,
    model: Option<String>,
    serial: Option<String>,
    tran: Option<String>,
    #[serde(default)]
    children: Vec<Device>,
}

pub(crate) fn read(text: &str) -> Result<Vec<Disk>, Error> {
    let mut disks = Vec::new();
    if text.trim().is_empty() {
        // What is printed where there are none.
        return Ok(disks);
    }
    add(&mut disks, json::<Told>("lsblk", text)?.blockdevices, None);
    Ok(disks)
}

/// Each behind what it is a part of. Depth is no matter: `serde_json` reads only so deep.
fn add(disks: &mut Vec<Disk>, devices: Vec<Device>, parent: Option<&str>) {
    for device in devices {
        disks.push(Disk {
            name: device.name.clone(),
            kind: device.kind,
            size: device.size,
            parent: parent.map(str::to_owned),
            mount_point: device.mountpoint.and_then(word),
            file_system: device.fstype.and_then(word),
            label: device.label.and_then(word),
            uuid: device.uuid.and_then(word),
            model: device.model.and_then(word),
            serial: device.serial.and_then(word),
            transport: device.tran.and_then(word),
            rotational: device.rota,
            removable: device.rm,
            read_only: device.ro,
        });
        add(disks, device.children, Some(&device.name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_behind_their_disks_whether_numbers_are_texts_or_not() {
        let rest = r#""mountpoint":null,"fstype":"ext4","label":null,"uuid":null,"model":"QEMU ","serial":"","tran":null"#;
        let part = format!(
            r#"{{"name":"sda1","type":"part","size":"1073741824","ro":"0","rm":"1","rota":"1",{rest}}}"#
        );
        let text = format!(
            r#"{{"blockdevices":[{{"name":"sda","type":"disk","size":2147483648,"ro":false,"rm":false,"rota":true,{rest},
            "children":[{part}]}}, {{"name":"sr0","type":"rom","size":null,"ro":true,"rm":true,"rota":false,{rest}}}]}}"#
        );
        let disks = read(&text).expect("read");
        let names: Vec<_> =
            disks.iter().map(|disk| (disk.name.as_str(), disk.parent.as_deref(), disk.size)).collect();
        assert_eq!(names, [("sda", None, 2 << 30), ("sda1", Some("sda"), 1 << 30), ("sr0", None, 0)]);
        assert_eq!((disks[0].model.as_deref(), &disks[0].serial), (Some("QEMU"), &None));
        assert_eq!((disks[1].removable, disks[1].read_only, disks[1].rotational), (true, false, true));
    }

    #[test]
    fn anything_else_is_an_error_and_no_panic() {
        assert_eq!(read(" \n"), Ok(Vec::new()));
        let deep = "[".repeat(100_000);
        for text in ["{}", "x", r#"{"blockdevices":[{"name":"sda"}]}"#, &deep] {
            assert!(read(text).is_err());
        }
    }
}
