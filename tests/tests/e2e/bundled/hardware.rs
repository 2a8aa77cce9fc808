//! `hardware`. What no machine of tests has (firmware that tells, sensors) lies in the copy of the host as the kernel would have it.

use std::fs;

use serde_json::{Value, json};

use super::{Bench, can_unshare, has_programs, printed};

/// What a tool prints as JSON.
fn told(program: &str, arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(program, arguments)).expect("JSON")
}

#[test]
fn processors_disks_and_memory_are_what_the_systems_own_tools_say() {
    if !has_programs(&["lscpu", "lsblk", "free"], "util-linux") || !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let cpu = bench.value("read", "hardware.cpu", &[]);
    let fields = told("lscpu", &["-J"]).to_string();
    for key in ["model", "vendor", "architecture"] {
        assert!(cpu[key].as_str().is_none_or(|word| fields.contains(&format!("{word:?}"))), "{key}: {cpu}");
    }
    assert_eq!(cpu["architecture"], printed("uname", &["-m"]).trim(), "{cpu}");
    assert_eq!(cpu["online"].to_string(), printed("nproc", &["--all"]).trim(), "{cpu}");

    let disks = bench.value("read", "hardware.disks", &[]);
    let names: Vec<&str> =
        disks.as_array().expect("a list").iter().filter_map(|disk| disk["name"].as_str()).collect();
    let listed = printed("lsblk", &["--list", "--noheadings", "--output", "NAME"]);
    assert!(
        !names.is_empty() && listed.split_whitespace().all(|name| names.contains(&name)),
        "{names:?} of {listed}"
    );
    for disk in disks.as_array().expect("a list") {
        let name = disk["name"].as_str().expect("text");
        let size = told("lsblk", &["-J", "-b", "-d", "-o", "SIZE", &format!("/dev/{name}")]);
        assert_eq!(disk["size"], size["blockdevices"][0]["size"], "{disk}");
    }

    let memory = bench.value("read", "hardware.memory", &[]);
    let kernels = fs::read_to_string("/proc/meminfo").expect("read");
    let total: u64 = kernels.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number");
    assert_eq!(memory["total"], total * 1024, "{memory}");
}

#[test]
fn devices_are_those_that_the_kernel_has() {
    if !has_programs(&["lspci", "lsusb", "smartctl"], "pciutils usbutils smartmontools") || !can_unshare() {
        return;
    }
    let bench = Bench::new();
    let pci = bench.value("read", "hardware.pci", &[]);
    let slots: Vec<&str> =
        pci.as_array().expect("a list").iter().filter_map(|device| device["slot"].as_str()).collect();
    let known = printed("ls", &["/sys/bus/pci/devices"]);
    assert_eq!(slots, known.split_whitespace().collect::<Vec<_>>());
    for device in pci.as_array().expect("a list") {
        let slot = device["slot"].as_str().expect("text");
        let number = |what: &str| {
            let path = format!("/sys/bus/pci/devices/{slot}/{what}");
            fs::read_to_string(path).expect("read").trim().trim_start_matches("0x").to_owned()
        };
        assert_eq!(device["id"], format!("{}:{}", number("vendor"), number("device")), "{device}");
    }
    let buses = fs::read_dir("/sys/bus/usb/devices").map_or(0, Iterator::count);
    let usb = bench.value("read", "hardware.usb", &[]);
    assert_eq!(usb.as_array().map(Vec::is_empty), Some(buses == 0), "{usb}");

    assert!(bench.value("read", "hardware.smart", &[]).is_array());
    assert!(bench.error("read", "hardware.smart", &["/dev/sdzz"])["not-found"].is_string());
    assert!(bench.error("read", "hardware.smart", &["/etc/passwd"])["invalid"].is_string());
}

/// A structure of SMBIOS: its kind, what is fixed of it, and its texts.
fn structure(kind: u8, fixed: &[u8], texts: &[&str]) -> Vec<u8> {
    let length = u8::try_from(fixed.len() + 4).expect("short");
    let mut bytes = vec![kind, length, kind, 0];
    bytes.extend(fixed);
    texts.iter().for_each(|text| bytes.extend([text.as_bytes(), b"\0"].concat()));
    bytes.extend(if texts.is_empty() { &b"\0\0"[..] } else { &b"\0"[..] });
    bytes
}

/// The firmware of a machine, as the kernel has it: how to find the table, and the table.
fn firmware() -> (Vec<u8>, Vec<u8>) {
    let uuid: Vec<u8> = (1..=16).collect();
    let bios = [&[1, 2, 0, 0xe8, 3, 0][..], &[0; 10], &[0xff; 4]].concat();
    let system = [&[1, 2, 3, 4][..], &uuid, &[6, 0, 0]].concat();
    let board = [1, 2, 0, 0, 0, 0, 0, 0, 0, 10, 0];
    let case = [&[1, 0x17, 0, 0, 2, 3, 3, 3, 3][..], &[0; 4], &[0, 1, 0, 0]].concat();
    // Of DDR4, 16 GiB at 3200 MT/s in the first slot, nothing in the other.
    let slot = |size: u16, name: u8, kind: u8| {
        let [low, high] = size.to_le_bytes();
        let speed = 3200_u16.to_le_bytes();
        [
            &[0x10, 0, 0xfe, 0xff, 64, 0, 64, 0, low, high, 9, 0, name, 0, kind, 0x80, 0][..],
            &speed,
            &[2, 3, 0, 0, 0],
            &[0; 4],
            &speed,
        ]
        .concat()
    };
    let table = [
        structure(0, &bios, &["SeaBIOS", "1.16.2", "04/01/2024"]),
        structure(1, &system, &["Acme", "Server 9", "To Be Filled By O.E.M.", "SN-1"]),
        structure(2, &board, &["Acme Boards", "X9"]),
        structure(3, &case, &["Acme", "Rack 7"]),
        structure(17, &slot(16 << 10, 1, 0x1a), &["DIMM A1", "Crucial", "M-1"]),
        structure(17, &slot(0, 1, 2), &["DIMM A2"]),
        structure(127, &[], &[]),
    ]
    .concat();
    let mut entry = b"_SM3_\0\x18\x03\x02\0\x01\0".to_vec();
    entry.extend(u32::try_from(table.len()).expect("short").to_le_bytes());
    entry.extend([0; 8]);
    entry[5] = entry.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
    (entry, table)
}

#[test]
fn a_machine_is_what_its_firmware_says() {
    if !has_programs(&["dmidecode"], "dmidecode") || !can_unshare() {
        return;
    }
    let bench = Bench::new();
    bench.printed("mount", &["-t", "tmpfs", "tmpfs", "/sys/firmware"]);
    let without = bench.error("read", "hardware.machine", &[]);
    assert!(without["unsupported"].is_string(), "{without}");
    assert!(bench.value("read", "hardware.memory", &[])["slots"].is_null());

    let (entry, table) = firmware();
    let folder = bench.path("/sys/firmware/dmi/tables");
    fs::create_dir_all(&folder).expect("made");
    fs::write(folder.join("smbios_entry_point"), entry).expect("written");
    fs::write(folder.join("DMI"), table).expect("written");
    let machine = bench.value("read", "hardware.machine", &[]);
    let expected = json!({
        "manufacturer": "Acme",
        "product": "Server 9",
        "version": null,
        "serial": "SN-1",
        "uuid": "04030201-0605-0807-090a-0b0c0d0e0f10",
        "chassis": "Rack Mount Chassis",
        "asset-tag": "Rack 7",
        "board-manufacturer": "Acme Boards",
        "board": "X9",
        "bios-vendor": "SeaBIOS",
        "bios-version": "1.16.2",
        "bios-date": "04/01/2024",
    });
    assert_eq!(machine, expected, "{}", bench.printed("dmidecode", &["-q", "-t", "0,1,2,3"]));
    let slots = bench.value("read", "hardware.memory", &[])["slots"].clone();
    assert_eq!((&slots[0]["name"], &slots[0]["size"]), (&json!("DIMM A1"), &json!(16_u64 << 30)), "{slots}");
    assert_eq!((&slots[0]["kind"], &slots[0]["speed"]), (&json!("DDR4"), &json!("3200 MT/s")), "{slots}");
    assert_eq!(
        (&slots[0]["manufacturer"], &slots[0]["serial"]),
        (&json!("Crucial"), &json!("M-1")),
        "{slots}"
    );
    assert_eq!(
        (&slots[1]["name"], &slots[1]["size"], &slots[1]["kind"]),
        (&json!("DIMM A2"), &json!(0), &json!(null)),
        "{slots}"
    );
}

#[test]
fn sensors_say_what_they_measure() {
    if !has_programs(&["sensors"], "lm-sensors") || !can_unshare() {
        return;
    }
    let bench = Bench::new();
    bench.printed("mount", &["-t", "tmpfs", "tmpfs", "/sys/class"]);
    assert_eq!(bench.value("read", "hardware.sensors", &[]), json!([]));
    let chip = bench.path("/sys/class/hwmon/hwmon0");
    fs::create_dir_all(&chip).expect("made");
    for (file, text) in [
        ("name", "bench"),
        ("temp1_label", "Inlet"),
        ("temp1_input", "45500"),
        ("temp1_max", "80000"),
        ("temp1_crit", "90000"),
        ("temp1_crit_alarm", "1"),
        ("fan1_input", "900"),
        ("in0_input", "1200"),
    ] {
        fs::write(chip.join(file), format!("{text}\n")).expect("written");
    }
    let readings = bench.value("read", "hardware.sensors", &[]);
    let reading = |quantity: &str| {
        let mut all = readings.as_array().expect("a list").iter();
        all.find(|reading| reading["quantity"] == quantity)
            .unwrap_or_else(|| panic!("{quantity}: {readings}"))
            .clone()
    };
    let heat = reading("temperature");
    assert_eq!(
        (&heat["name"], &heat["value"], &heat["alarm"]),
        (&json!("Inlet"), &json!(45.5), &json!(true)),
        "{heat}"
    );
    assert_eq!((&heat["high"], &heat["critical"]), (&json!(80.0), &json!(90.0)), "{heat}");
    assert_eq!(reading("fan")["value"], 900.0);
    assert_eq!(reading("voltage")["value"], 1.2);
}

#[test]
fn a_host_without_a_tool_is_told_what_to_install() {
    if !can_unshare() {
        return;
    }
    let bench = Bench::new();
    for (program, method, package) in [
        ("lspci", "hardware.pci", "pciutils"),
        ("lsusb", "hardware.usb", "usbutils"),
        ("dmidecode", "hardware.machine", "dmidecode"),
        ("sensors", "hardware.sensors", "lm-sensors"),
        ("smartctl", "hardware.smart", "smartmontools"),
    ] {
        bench.forget(program);
        let error = bench.error("read", method, &[]);
        let why = error["unsupported"].as_str().unwrap_or_default();
        assert!(
            why.contains(&format!("\"{program}\"")) && why.contains(&format!("\"{package}\"")),
            "{error}"
        );
    }
    // What nothing but that is missing for.
    assert!(bench.value("read", "hardware.memory", &[])["slots"].is_null());
}
