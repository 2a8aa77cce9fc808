//! What a minion tells of all its modules, kept so small that it can always be told.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::message::caps::MAX_MODULES;
use crate::message::held::Held as _;
use crate::message::module::{Module, ModuleState};
use crate::message::version::Version;

/// The most memory that an inventory takes, in bytes.
pub const MAX_HELD: usize = 4 << 20;

/// The most memory that an inventory takes besides its modules, in bytes.
const OWN: usize = 1 << 10;

/// The modules of a minion, as many as can be told: at most [`MAX_MODULES`], in at most
/// [`MAX_HELD`] bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Inventory {
    /// The modules, by name.
    pub modules: Vec<Module>,
    /// How many more there are, for which there was no room.
    pub left_out: u32,
}

impl Inventory {
    /// The inventory of these modules. Where there is not room for all, those in service are taken first; how many
    /// are left out is counted.
    pub fn of(modules: Vec<Module>) -> Self {
        let is_active = |module: &Module| module.state == ModuleState::Active;
        let (mut room, mut places) = (MAX_HELD - OWN, MAX_MODULES);
        let mut fits = |module: &Module| {
            let held = module.held();
            let fits = held <= room && places > 0;
            if fits {
                room -= held;
                places -= 1;
            }
            fits
        };
        let active: Vec<bool> = modules.iter().map(|module| is_active(module) && fits(module)).collect();
        let told: Vec<bool> = modules
            .iter()
            .zip(active)
            .map(|(module, told)| told || (!is_active(module) && fits(module)))
            .collect();
        let left_out = told.iter().filter(|told| !**told).count();
        let told = modules.into_iter().zip(told).filter(|(_, told)| *told).map(|(module, _)| module);
        let mut modules: Vec<Module> = told.collect();
        modules.shrink_to_fit();
        Self { modules, left_out: u32::try_from(left_out).unwrap_or(u32::MAX) }
    }
}

/// Written in the form of the version that is spoken: in version 1 an inventory is the list of modules alone.
impl Serialize for Inventory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Version::spoken() {
            Version::One => self.modules.serialize(serializer),
            Version::Two | Version::Three | Version::Four | Version::Five => {
                Inventory::serialize(self, serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Inventory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Version::spoken() {
            Version::One => Vec::deserialize(deserializer).map(|modules| Inventory { modules, left_out: 0 }),
            Version::Two | Version::Three | Version::Four | Version::Five => {
                Inventory::deserialize(deserializer)
            }
        }
    }
}
