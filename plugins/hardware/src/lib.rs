//! The module `hardware`: what the host is made of. What each method does is said in `wit/hardware.wit`.
//!
//! It reads what the system's own tools print, in JSON where they can.

mod cpu;
mod devices;
mod disks;
mod firmware;
mod loose;
mod memory;
mod programs;
mod sensors;
mod smart;

use failure::Error;

use exports::minion::hardware::hardware::{
    Disk, Guest, Health, Identity, MainMemory, PciDevice, Processors, Reading, UsbDevice,
};

minion_sdk::module!({
    path: ["../types", "wit"],
    world: "minion:hardware/module",
    with: { "minion:types/types@0.1.0": failure::types },
    additional_derives: [PartialEq],
});

struct Hardware;

export!(Hardware);

impl Guest for Hardware {
    fn cpu() -> Result<Processors, Error> {
        cpu::read(&programs::text(&["lscpu", "--json"])?)
    }

    fn memory() -> Result<MainMemory, Error> {
        memory::of_host()
    }

    fn disks() -> Result<Vec<Disk>, Error> {
        disks::read(&programs::text(&["lsblk", "--json", "--bytes", "--output", disks::COLUMNS])?)
    }

    fn pci() -> Result<Vec<PciDevice>, Error> {
        Ok(devices::pci(&programs::text(&["lspci", "-D", "-vmm", "-nn", "-k"])?))
    }

    fn usb() -> Result<Vec<UsbDevice>, Error> {
        devices::usb()
    }

    fn machine() -> Result<Identity, Error> {
        firmware::machine()
    }

    fn sensors() -> Result<Vec<Reading>, Error> {
        sensors::of_host()
    }

    fn smart(device: Option<String>) -> Result<Vec<Health>, Error> {
        match device {
            Some(device) => Ok(vec![smart::of_device(&device)?]),
            None => smart::of_host(),
        }
    }
}
